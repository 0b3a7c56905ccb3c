import { PRESETS } from "../../config/presets";
import type { ComparedRun, PresetId } from "../../store";
import { compact } from "../format";
import { messages } from "../messages";
import { useWidth } from "../plan/use-width";

const { compare: text } = messages;
const [MOST_WIDTH, HEIGHT, LEFT, BOTTOM, PAD] = [960, 240, 44, 24, 8];
/** Hue is never the only code: each method has its dashes too. */
const LINES = [
  { color: "ce", dash: "" },
  { color: "ot-embedding", dash: "2 3" },
  { color: "ot-hidden", dash: "8 3 2 3" },
  { color: "kd", dash: "7 4" },
  { color: "ink", dash: "1 4" },
] as const;
const lineOf = (presets: readonly PresetId[], preset: PresetId) =>
  LINES[presets.indexOf(preset) % LINES.length] ?? LINES[0];

/** Cross entropy by step, one line a run: the one term that all methods share. */
export function Curves({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const [host, room] = useWidth();
  const width = Math.max(240, Math.min(MOST_WIDTH, room));
  const presets = [...new Set(runs.map(({ preset }) => preset))];
  const drawn = runs.filter(({ crossEntropy }) => crossEntropy.length > 0);
  const steps = Math.max(2, ...drawn.map(({ crossEntropy }) => crossEntropy.length));
  const most = Math.max(1e-9, ...drawn.flatMap(({ crossEntropy }) => crossEntropy));
  const x = (step: number) => LEFT + ((step - 1) / (steps - 1)) * (width - LEFT - PAD);
  const y = (value: number) => PAD + (1 - value / most) * (HEIGHT - BOTTOM - PAD);
  return (
    <>
      <ul className="legend">
        {presets.map((preset) => {
          const { color, dash } = lineOf(presets, preset);
          return (
            <li key={preset}>
              <svg width="28" height="8" aria-hidden="true">
                <line
                  x1="0"
                  x2="28"
                  y1="4"
                  y2="4"
                  stroke={`var(--${color})`}
                  strokeWidth="2"
                  strokeDasharray={dash}
                />
              </svg>
              {PRESETS[preset].title}
            </li>
          );
        })}
      </ul>
      <div ref={host}>
        <svg
          className="curves"
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={text.curvesLabel(drawn.length)}
        >
          {[0, 0.25, 0.5, 0.75, 1].map((share) => (
            <g key={share}>
              <line
                x1={LEFT}
                x2={width - PAD}
                y1={y(share * most)}
                y2={y(share * most)}
                stroke="var(--rule)"
              />
              <text x={LEFT - 6} y={y(share * most) + 4} textAnchor="end">
                {compact(share * most)}
              </text>
            </g>
          ))}
          <text x={LEFT} y={HEIGHT - 6}>
            {text.at(1)}
          </text>
          <text x={width - PAD} y={HEIGHT - 6} textAnchor="end">
            {text.at(steps)}
          </text>
          {drawn.map(({ preset, seed, crossEntropy }) => {
            const { color, dash } = lineOf(presets, preset);
            const points = crossEntropy.map((value, i) => `${x(i + 1).toFixed(1)},${y(value).toFixed(1)}`);
            return (
              <polyline
                key={`${preset} ${seed}`}
                points={points.join(" ")}
                fill="none"
                stroke={`var(--${color})`}
                strokeWidth="1.5"
                strokeDasharray={dash}
              />
            );
          })}
        </svg>
      </div>
    </>
  );
}

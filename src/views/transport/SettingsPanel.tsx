import { useId, type ReactNode } from "react";
import { COST_KINDS, GRADIENTS } from "../../config/run";
import { FEATURES, PROJECTORS, type TransportView } from "../../config/transport-view";
import { presetOf } from "../../store";
import { significant } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { useLab, useLabState } from "../use-app";

const { transport: text } = messages;

/** What a token is, what distance is, and how the plan is found. */
export function SettingsPanel() {
  const view = useLabState((state) => state.view);
  const lab = useLab();
  const preset = presetOf(view);
  return (
    <Panel title={text.settings} name="lab-settings">
      <div className="fields">
        <Choice
          label={text.features}
          value={view.features}
          options={FEATURES.map((value) => [value, text.featureNames[value]])}
          onChange={(features) => lab.change({ features })}
          note={view.features === "bytes" ? text.bytesNote : undefined}
        />
        {view.features !== "bytes" && (
          <Choice
            label={text.projector}
            value={view.projector}
            options={PROJECTORS.map((value) => [value, text.projectorNames[value]])}
            onChange={(projector) => lab.change({ projector })}
            note={<ProjectorNote />}
          />
        )}
        <Choice
          label={text.cost}
          value={view.cost}
          options={COST_KINDS.map((value) => [value, messages.settings.options[value] ?? value])}
          onChange={(cost) => lab.change({ cost })}
        />
        <div className="field field-wide">
          <span className="label">{text.scheme}</span>
          <Segmented
            label={text.scheme}
            options={(["intended", "published"] as const).map((value) => ({
              value,
              text: text.schemeNames[value],
            }))}
            value={preset}
            onChange={lab.choosePreset}
          />
          <p className="hint">{text.schemeNotes[preset ?? "own"]}</p>
        </div>
        <EpsilonField view={view} />
        <Choice
          label={text.gradient}
          value={view.gradient}
          options={GRADIENTS.map((value) => [value, text.gradientNames[value]])}
          onChange={(gradient) => lab.change({ gradient })}
        />
      </div>
    </Panel>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
  readonly note?: ReactNode;
}

function Choice<T extends string>({ label, value, options, onChange, note }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="field field-wide">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(event) => {
          const chosen = options.find(([option]) => option === event.target.value);
          if (chosen) onChange(chosen[0]);
        }}
      >
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
      {note && <p className="hint">{note}</p>}
    </div>
  );
}

/** How the teacher's states came into the student's space: said, because a plan depends on it. */
function ProjectorNote() {
  const fit = useLabState((state) => state.solved?.fit);
  const random = useLabState((state) => state.view.projector === "random");
  if (random) return text.randomNote;
  return fit ? text.fitNote(fit.pairs, fit.rows, fit.explained) : null;
}

/** Ranges of the slider in powers of ten: around the mean cost, or around the published ε = 10. */
const RANGES = { relative: [-3, 1], absolute: [-2, 3] } as const;

/** ε on a log scale. */
export function EpsilonField({ view }: { readonly view: TransportView }) {
  const id = useId();
  const lab = useLab();
  const [low, high] = RANGES[view.relative ? "relative" : "absolute"];
  const shown = significant(view.epsilon);
  const value = view.relative ? text.epsilonRelative(shown) : text.epsilonAbsolute(shown);
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  return (
    <div className="field field-wide lab-epsilon">
      <label htmlFor={id}>
        {text.epsilon} <i>ε</i> <output htmlFor={id}>{value}</output>
      </label>
      <input
        id={id}
        type="range"
        min={low}
        max={high}
        step={0.02}
        value={Math.log10(view.epsilon)}
        aria-valuetext={value}
        onChange={(event) =>
          lab.change({ epsilon: Number((10 ** Number(event.target.value)).toPrecision(4)) })
        }
      />
      <ol aria-hidden="true">
        {ticks.map((tick) => (
          <li key={tick} style={{ left: `${((tick - low) / (high - low)) * 100}%` }}>
            {10 ** tick}
          </li>
        ))}
      </ol>
    </div>
  );
}

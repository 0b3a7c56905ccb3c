import {
  COLOR_SCALES,
  legendOf,
  shadeColor,
  type ColorScale,
  type MatrixKind,
  type Shade,
} from "../../figure";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";

const { figure: text } = messages;
const SCALES = COLOR_SCALES.map((value) => ({ value, text: text.scales[value] }));

interface LegendProps {
  readonly kind: MatrixKind;
  readonly shade: Shade;
  readonly scale: ColorScale;
  /** Absent: the scale is not this figure's to choose. */
  readonly onScale?: ((scale: ColorScale) => void) | undefined;
}

/** The colours with numbers on them. */
export function Legend({ kind, shade, scale, onScale }: LegendProps) {
  const colors = Array.from({ length: 17 }, (_, i) =>
    shadeColor(shade, Math.round((i / 16) * shade.last)),
  ).join(", ");
  return (
    <div className="scale">
      <span className="muted">{text.value[kind]}</span>
      <div className="scale-bar">
        <div style={{ background: `linear-gradient(to right, ${colors})` }} aria-hidden="true" />
        <ol>
          {legendOf(shade, text.number).map(({ share, text: number }) => (
            <li key={share} style={{ left: `${share * 100}%` }}>
              {number}
            </li>
          ))}
        </ol>
      </div>
      {onScale && <Segmented label={text.scaleLabel} options={SCALES} value={scale} onChange={onScale} />}
    </div>
  );
}

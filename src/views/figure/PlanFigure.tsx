import { useMemo, useRef, type ReactNode } from "react";
import { shadeOf, type ColorScale, type MatrixKind, type Plan, type Side } from "../../figure";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { usePalette, useScheme } from "../theme/use-scheme";
import { Formula } from "./Formula";
import { Legend } from "./Legend";
import { LogSlider, type LogSliderProps } from "./LogSlider";
import { PairSheet } from "./PairSheet";
import { planFigure } from "./plan-files";
import type { Pointer } from "./pointer";
import { Readouts, Verdict } from "./Readouts";
import { SaveFigure } from "./SaveFigure";
import { PlayButton, Scrubber, type ScrubberProps } from "./Scrubber";
import { Stage } from "./Stage";
import type { Player } from "./use-play";
import { usePresenting, type Presenting } from "./use-presenting";
import { useSpace } from "./use-space";

const { figure: text } = messages;
const FORMS = (["matrix", "ribbons"] as const).map((value) => ({ value, text: text.forms[value] }));
const MATRICES = (["plan", "cost", "gradient"] as const).map((value) => ({
  value,
  text: text.matrices[value],
}));
/** Letters that a room can read. */
const ROOM_FONT = 22;

/** How a plan is looked at. */
export interface FigureView {
  readonly form: "matrix" | "ribbons";
  readonly matrix: MatrixKind;
  readonly scale: ColorScale;
}

export interface PlanFigureProps {
  /** Of the stage's element, for links and lessons that point at it. */
  readonly id?: string;
  /** What this plan is of, where there are several. */
  readonly of?: string;
  /** Of saved files, and in their titles. */
  readonly name: string;
  readonly title: string;
  readonly plan: Plan;
  readonly pointer: Pointer;
  readonly view: FigureView;
  /** Absent: the view is not this figure's to choose. */
  readonly onView?: ((part: Partial<FigureView>) => void) | undefined;
  /** What the axes are called, where it is not "student" and "teacher". */
  readonly titles?: Readonly<Record<Side, string>>;
  /** dLoss/dC; null where it does not exist, absent where none is offered. */
  readonly gradient?: Float32Array | null;
  /** Pairs to outline, [n, m] row-major. */
  readonly pairs?: ArrayLike<number> | undefined;
  /** The mass of the strongest colour, where several figures share their colours. */
  readonly largest?: number;
  /** The least size of letters. */
  readonly font?: number | undefined;
  /** Pixels that something else needs under the figure. */
  readonly leave?: number;
  readonly epsilon?: LogSliderProps | undefined;
  readonly steps?: ScrubberProps | undefined;
  /** What plays when there are no steps. */
  readonly player?: Player;
  /** Between the stage and what is below it. */
  readonly children?: ReactNode;
  /** Beside the buttons that save it, and after them. */
  readonly beside?: ReactNode;
  readonly after?: ReactNode;
}

/** A plan: the one figure of all screens. Its toolbar stays in sight, and the plan fills what is left. */
export function PlanFigure(props: PlanFigureProps) {
  const { plan, view, largest, epsilon, steps, children } = props;
  const { form, matrix, scale } = view;
  const scheme = useScheme();
  const values = valuesOf(props);
  const shade = useMemo(
    () => values && shadeOf(values, { kind: matrix, scale, scheme, largest }),
    [values, matrix, scale, scheme, largest],
  );
  const figure = useRef<HTMLDivElement>(null);
  const presenting = usePresenting(figure, epsilon !== undefined, {
    epsilon,
    steps,
    player: props.player ?? steps?.player,
  });
  const maxHeight = useSpace(figure, presenting.on ? 0 : props.leave, presenting.on);
  const font = presenting.on ? ROOM_FONT : props.font;
  return (
    <div ref={figure} className="plan-figure" data-present={presenting.on || undefined}>
      <Bar {...props} presenting={presenting} />
      {values && shade ? (
        <Stage {...props} {...{ form, values, shade, font, maxHeight }} />
      ) : (
        <p className="empty">{text.noGradient}</p>
      )}
      {children && <div className="figure-below">{children}</div>}
      {presenting.on ? (
        <div className="figure-room">
          <Readouts plan={plan} brief />
          <p className="muted">{text.presentKeys(steps !== undefined)}</p>
        </div>
      ) : (
        values && shade && <Foot {...props} values={values} shade={shade} />
      )}
      <PairSheet {...props} />
    </div>
  );
}

function valuesOf({ plan, view, gradient }: PlanFigureProps): Float32Array | undefined {
  if (view.matrix === "plan" || view.form === "ribbons") return plan.mass;
  return view.matrix === "cost" ? plan.cost : (gradient ?? undefined);
}

/** View, ε, sweeps with their residual, whether they converged, and the whole screen. */
function Bar(props: PlanFigureProps & { readonly presenting: Presenting }) {
  const { plan, view, onView, gradient, epsilon, steps, presenting } = props;
  if (!onView && !epsilon) return null;
  const { form, matrix } = view;
  return (
    <div className="figure-bar">
      {onView && (
        <Segmented
          label={text.formLabel}
          options={FORMS}
          value={form}
          onChange={(to) => onView({ form: to })}
        />
      )}
      {onView && gradient !== undefined && form === "matrix" && (
        <Segmented
          label={text.matrixLabel}
          options={MATRICES}
          value={matrix}
          onChange={(to) => onView({ matrix: to })}
        />
      )}
      <span className="figure-state">
        <Verdict plan={plan} />
        {epsilon && (
          <button type="button" className="quiet" title={text.presentHint} onClick={presenting.toggle}>
            {presenting.on ? text.leave : text.present}
          </button>
        )}
      </span>
      {props.player && <PlayButton player={props.player} of={text.sharpen} />}
      {epsilon && <LogSlider {...epsilon} />}
      {steps && <Scrubber {...steps} />}
    </div>
  );
}

interface FootProps extends PlanFigureProps {
  readonly values: Float32Array;
  readonly shade: NonNullable<ReturnType<typeof shadeOf>>;
}

/** The formula, the legend, and the figure as files. */
function Foot(props: FootProps) {
  const { plan, pointer, view, onView, of, name, title, values, shade } = props;
  const { form, matrix, scale } = view;
  const palette = usePalette();
  const scheme = useScheme();
  const what = form === "ribbons" ? "plan" : matrix;
  const show = (kind: MatrixKind) => onView?.({ matrix: kind, ...(kind === "cost" && { form: "matrix" }) });
  return (
    <div className="figure-foot">
      {plan.potentials && what === "plan" && <Formula plan={plan} pointer={pointer} onMatrix={show} />}
      {plan.potentials && what !== "plan" && (
        <span className="muted stage-formula">{text.formulas[what]}</span>
      )}
      {form === "matrix" && (
        <Legend
          kind={matrix}
          shade={shade}
          scale={scale}
          onScale={onView && ((chosen) => onView({ scale: chosen }))}
        />
      )}
      <div className="row save">
        <SaveFigure
          of={of ? `${text.matrices[what]}, ${of}` : text.matrices[what]}
          figure={() =>
            planFigure({ ...{ name, title, plan, form, kind: matrix, values, shade, palette, scheme } })
          }
        />
        {props.beside}
      </div>
      {props.after}
    </div>
  );
}

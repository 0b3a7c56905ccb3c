import { useMemo, type ReactNode } from "react";
import { shadeOf, type ColorScale, type MatrixKind, type Plan } from "../../figure";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { usePalette, useScheme } from "../theme/use-scheme";
import { Formula } from "./Formula";
import { Legend } from "./Legend";
import { planFigure } from "./plan-files";
import type { Pointer } from "./pointer";
import { SaveFigure } from "./SaveFigure";
import { Stage } from "./Stage";

const { figure: text } = messages;
const MAX_HEIGHT = 700;
const FORMS = (["matrix", "ribbons"] as const).map((value) => ({ value, text: text.forms[value] }));
const MATRICES = (["plan", "cost", "gradient"] as const).map((value) => ({
  value,
  text: text.matrices[value],
}));

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
  /** dLoss/dC; null where it does not exist, absent where none is offered. */
  readonly gradient?: Float32Array | null;
  /** Pairs to outline, [n, m] row-major. */
  readonly pairs?: ArrayLike<number> | undefined;
  /** The mass of the strongest colour, where several figures share their colours. */
  readonly largest?: number;
  /** Beside the buttons that save it. */
  readonly beside?: ReactNode;
}

/** A plan: the one figure of all screens. */
export function PlanFigure(props: PlanFigureProps) {
  const { plan, view, onView, gradient, largest, of, name, title } = props;
  const { form, matrix, scale } = view;
  const palette = usePalette();
  const scheme = useScheme();
  const values = valuesOf(props);
  const shades = useMemo(() => {
    const shade = (kind: MatrixKind, of: Float32Array) => shadeOf(of, { kind, scale, scheme, largest });
    return { shade: values && shade(matrix, values), planShade: shade("plan", plan.mass) };
  }, [values, matrix, plan, scale, scheme, largest]);
  const { shade, planShade } = shades;
  const what = form === "ribbons" ? "plan" : matrix;
  return (
    <div className="plan-figure">
      {onView && <Tabs {...props} onView={onView} choosable={gradient !== undefined} />}
      {values && shade ? (
        <>
          <Stage
            {...props}
            {...{ form, values, shade, scale }}
            largest={largest}
            pairs={props.pairs}
            maxHeight={MAX_HEIGHT}
          />
          <Legend
            kind={what}
            shade={form === "ribbons" ? planShade : shade}
            scale={scale}
            onScale={onView && ((chosen) => onView({ scale: chosen }))}
          />
          <div className="row save">
            <SaveFigure
              of={of ? `${text.matrices[what]}, ${of}` : text.matrices[what]}
              figure={() =>
                planFigure({
                  ...{ name, title, plan, form, kind: matrix, values, shade, planShade, palette },
                })
              }
            />
            {props.beside}
          </div>
        </>
      ) : (
        <p className="empty">{text.noGradient}</p>
      )}
    </div>
  );
}

function valuesOf({ plan, view, gradient }: PlanFigureProps): Float32Array | undefined {
  if (view.matrix === "plan") return plan.mass;
  return view.matrix === "cost" ? plan.cost : (gradient ?? undefined);
}

interface TabsProps extends PlanFigureProps {
  readonly onView: NonNullable<PlanFigureProps["onView"]>;
  readonly choosable: boolean;
}

function Tabs({ plan, pointer, view: { form, matrix }, onView, choosable }: TabsProps) {
  const showMatrix = (kind: MatrixKind) =>
    onView({ matrix: kind, ...(kind === "cost" && { form: "matrix" }) });
  return (
    <div className="row stage-tabs">
      {choosable && form === "matrix" && (
        <Segmented label={text.matrixLabel} options={MATRICES} value={matrix} onChange={showMatrix} />
      )}
      {!plan.potentials ? null : form === "ribbons" || matrix === "plan" ? (
        <Formula plan={plan} pointer={pointer} onMatrix={showMatrix} />
      ) : (
        <span className="muted stage-formula">{text.formulas[matrix]}</span>
      )}
      <Segmented
        label={text.formLabel}
        options={FORMS}
        value={form}
        onChange={(to) => onView({ form: to })}
      />
    </div>
  );
}

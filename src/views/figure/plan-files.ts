// A plan's figure as files: what is drawn on the page, and the numbers as a table.
import { flowRows, legendOf, matrixRows, matrixSvg, ribbonsSvg } from "../../figure";
import type { MatrixKind, Palette, Plan, Shade } from "../../figure";
import { messages } from "../messages";
import type { Figure } from "./SaveFigure";
import { titlesOf } from "./Stage";

export interface PlanPicture {
  /** Of the files, such as "sweep-12": `couplet-plan-sweep-12.svg`. */
  readonly name: string;
  /** What the plan is of. */
  readonly title: string;
  readonly plan: Plan;
  readonly form: "matrix" | "ribbons";
  readonly kind: MatrixKind;
  readonly values: Float32Array;
  readonly shade: Shade;
  readonly planShade: Shade;
  readonly palette: Palette;
}

export function planFigure(picture: PlanPicture): Figure {
  const { name, plan, form, kind, values, shade, planShade, palette: colors } = picture;
  const [rows, cols] = [plan.student.texts, plan.teacher.texts];
  const of = form === "ribbons" ? planShade : shade;
  const frame = {
    title: `${form === "ribbons" || kind === "plan" ? messages.plan.title : messages.figure.matrices[kind]}, ${picture.title}`,
    legend: legendOf(of, messages.figure.number),
    ...{ plan, titles: titlesOf(plan), shade: of, colors },
  };
  if (form === "ribbons")
    return {
      name: `couplet-ribbons-${name}`,
      svg: () => ribbonsSvg(frame),
      rows: () => flowRows(rows, cols, plan.mass),
    };
  return {
    name: `couplet-${kind}-${name}`,
    svg: () => matrixSvg({ ...frame, values }),
    rows: () => matrixRows(rows, cols, values),
  };
}

// A plan's figure as files: what is drawn on the page, and the numbers as a table.
import { flowRows, legendOf, matrixRows, matrixSvg, ribbonsSvg, SOURCES } from "../../figure";
import type { MatrixKind, Palette, Plan, Scheme, Shade } from "../../figure";
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
  readonly palette: Palette;
  readonly scheme: Scheme;
}

export function planFigure(picture: PlanPicture): Figure {
  const { name, plan, form, kind, values, shade, palette: colors, scheme } = picture;
  const [rows, cols] = [plan.student.texts, plan.teacher.texts];
  const frame = {
    title: `${form === "ribbons" || kind === "plan" ? messages.plan.title : messages.figure.matrices[kind]}, ${picture.title}`,
    ...{ plan, titles: titlesOf(plan), colors },
  };
  if (form === "ribbons")
    return {
      name: `couplet-ribbons-${name}`,
      svg: () => ribbonsSvg({ ...frame, rest: messages.figure.restOf, sources: SOURCES[scheme] }),
      rows: () => flowRows(rows, cols, plan.mass),
    };
  return {
    name: `couplet-${kind}-${name}`,
    svg: () => matrixSvg({ ...frame, values, shade, legend: legendOf(shade, messages.figure.number) }),
    rows: () => matrixRows(rows, cols, values),
  };
}

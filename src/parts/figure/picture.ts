// How a plan of a caller's is drawn: colours, titles, and the SVG.
import { type ColorScale, legendOf, shadeOf, SOURCES } from "../../figure/color";
import { matrixSvg } from "../../figure/matrix-svg";
import { PALETTES, type Scheme } from "../../figure/palette";
import { type Plan, sizeOf } from "../../figure/plan";
import { ribbonsSvg } from "../../figure/ribbons-svg";
import type { SceneData } from "../../figure/scene";
import { type PlanInput, planOf } from "./plan-input";

export interface SvgOptions {
  /** Default "matrix". */
  readonly form?: "matrix" | "ribbons";
  /** Default "light". */
  readonly scheme?: Scheme;
  /** How mass becomes colour; default "sqrt". */
  readonly scale?: ColorScale;
  /** What the sides are called; default "student" and "teacher" with their sizes. */
  readonly titles?: { readonly student: string; readonly teacher: string };
  /** The file's title, for readers that show or speak it. */
  readonly title?: string;
}

export const number = (x: number): string => String(Number(x.toPrecision(3)));
export const percent = (share: number): string => `${number(100 * share)} %`;

export function titlesOf(plan: Plan, given: SvgOptions["titles"]): SceneData["titles"] {
  const [n, m] = sizeOf(plan);
  return given ?? { student: `student: ${n} tokens`, teacher: `teacher: ${m} tokens` };
}

const restOf = (flows: number, share: number): string =>
  `${percent(share)} in ${flows} ${flows === 1 ? "flow" : "flows"} under 1 %`;

/** The colours of a plan's matrix and ribbons, as the stage takes them. */
export function colorsOf(
  plan: Plan,
  scheme: Scheme,
  scale: ColorScale,
): Pick<SceneData, "shade" | "palette" | "sources" | "rest"> {
  const shade = shadeOf(plan.mass, { kind: "plan", scale, scheme });
  return { shade, palette: PALETTES[scheme], sources: SOURCES[scheme], rest: restOf };
}

/** The whole figure as an SVG file's text, in browsers and in Node. @throws RangeError as `planOf` */
export function planSvg(input: PlanInput, options: SvgOptions = {}): string {
  const plan = planOf(input);
  const { form = "matrix", scheme = "light", scale = "sqrt", title = "Transport plan" } = options;
  const { shade, palette: colors, sources, rest } = colorsOf(plan, scheme, scale);
  const picture = {
    ...{ title, plan, shade, colors, sources, rest },
    titles: titlesOf(plan, options.titles),
    legend: legendOf(shade, number),
  };
  return form === "ribbons" ? ribbonsSvg(picture) : matrixSvg({ ...picture, values: plan.mass });
}

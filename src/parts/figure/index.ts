// couplet/figure — a transport plan as a matrix and as ribbons between two lines of tokens, on a canvas and as SVG.
// docs/parts/figure.md is its page.
export { type ColorScale } from "../../figure/color";
export { type Scheme } from "../../figure/palette";
export { type Selection } from "../../figure/plan";
export { Scene, type Room, type SceneData } from "../../figure/scene";
export { definePlanElement, type PlanElement } from "./element";
export { createFigure, type Figure, type FigureOptions } from "./figure";
export { type Labels, type Matrix, type PlanInput, planOf } from "./plan-input";
export { planSvg, type SvgOptions } from "./picture";

// A run's plan as files: the heat map as it is drawn on the page, and the masses as a table.
import { largestMass, type ColorScale } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { matrixRows } from "../figure/rows";
import type { Figure } from "../figure/SaveFigure";
import type { FigureColors } from "../figure/svg";
import { significant } from "../format";
import { messages } from "../messages";
import { cividis } from "./cividis";
import { scaleMass, scalePosition } from "./color-scale";
import { siteName } from "./site-name";
import { matrixSvg } from "./matrix-svg";

const { plan: text } = messages;
const STOPS = [0, 0.25, 0.5, 0.75, 1];

export interface PlanPicture {
  readonly record: PlanRecord;
  readonly colors: FigureColors;
  readonly scale: ColorScale;
  /** The mass of the brightest colour; the plan's own largest when not given. */
  readonly largest?: number;
  /** What the plan is of, where there are several. */
  readonly of?: string | undefined;
}

export function planFigure(picture: PlanPicture): Figure {
  const { studentTokens: rows, teacherTokens: cols, plan, layer, step } = picture.record;
  return {
    name: `couplet-plan-${layer}-step-${step}`,
    svg: () => planSvg(picture),
    rows: () => matrixRows(rows, cols, plan),
  };
}

export function planSvg({ record, colors, scale, of, largest = largestMass(record) }: PlanPicture): string {
  const { studentTokens: rows, teacherTokens: cols, plan, layer, step } = record;
  return matrixSvg({
    title: [text.title, ...(of ? [of] : []), siteName(layer), text.atStep(step)].join(", "),
    rows,
    cols,
    rowTitle: text.studentAxis(rows.length),
    colTitle: text.teacherAxis(cols.length),
    color(row, col) {
      const mass = plan[row * cols.length + col] ?? 0;
      return Number.isNaN(mass) ? undefined : cividis(scalePosition(scale, mass, largest));
    },
    legend: STOPS.map((stop) => ({
      color: cividis(stop),
      text: significant(scaleMass(scale, stop, largest)),
    })),
    colors,
  });
}

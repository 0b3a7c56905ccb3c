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

export function planFigure(record: PlanRecord, colors: FigureColors, scale: ColorScale): Figure {
  const { studentTokens: rows, teacherTokens: cols, plan, layer, step } = record;
  return {
    name: `couplet-plan-${layer}-step-${step}`,
    svg: () => planSvg(record, colors, scale),
    rows: () => matrixRows(rows, cols, plan),
  };
}

export function planSvg(record: PlanRecord, colors: FigureColors, scale: ColorScale): string {
  const { studentTokens: rows, teacherTokens: cols, plan, layer, step } = record;
  const largest = largestMass(record);
  return matrixSvg({
    title: `${text.title}, ${siteName(layer)}, ${text.atStep(step)}`,
    rows,
    cols,
    rowTitle: text.studentAxis(rows.length),
    colTitle: text.teacherAxis(cols.length),
    color(row, col) {
      const mass = plan[row * cols.length + col] ?? 0;
      return mass > 0 ? cividis(scalePosition(scale, mass, largest)) : undefined;
    },
    legend: STOPS.map((stop) => ({
      color: cividis(stop),
      text: significant(scaleMass(scale, stop, largest)),
    })),
    colors,
  });
}

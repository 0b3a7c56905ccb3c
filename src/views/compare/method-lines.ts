// How each compared method is drawn: hue is never the only code, so each has its dashes too.
import type { Mark } from "../charts/Legend";
import type { Palette } from "../../figure";
import type { ComparedRun, PresetId } from "../../store";

const COLORS = ["ce", "ot-embedding", "ot-hidden", "kd", "ink"] as const satisfies readonly (keyof Palette)[];
const MARKS = ["solid", "dashed", "dotted", "dash-dot"] as const satisfies readonly Mark[];

export interface MethodLine {
  readonly color: (typeof COLORS)[number];
  readonly mark: (typeof MARKS)[number];
}

/** Twenty methods before two look alike. */
export function lineOf(index: number): MethodLine {
  const color = COLORS[index % COLORS.length] ?? "ink";
  const mark = MARKS[(index + Math.floor(index / COLORS.length)) % MARKS.length] ?? "solid";
  return { color, mark };
}

/** The methods of these runs, in the order in which they came. */
export const methodsOf = (runs: readonly ComparedRun[]): readonly PresetId[] => [
  ...new Set(runs.map(({ preset }) => preset)),
];

// Sorting rows and the sorted distance in float64, METHODS §3.
import { softmax } from "./divergence";
import type { Values } from "./nn";

/** Columns by descending value, equal ones in their own order. */
export const descendingOrder = (row: Values): number[] =>
  Array.from(row, (_, v) => v).sort((a, b) => row[b]! - row[a]! || a - b);

/** Σ_i |sortdesc(a)_i − sortdesc(b)_i|, the shorter padded with zeros. */
export function sortedL1(a: Values, b: Values): number {
  const down = (x: Values) => Array.from(x).sort((p, q) => q - p);
  const [left, right] = [down(a), down(b)];
  let sum = 0;
  for (let i = 0; i < Math.max(left.length, right.length); i++)
    sum += Math.abs((left[i] ?? 0) - (right[i] ?? 0));
  return sum;
}

export const uldRow = (student: Values, teacher: Values): number =>
  sortedL1(softmax(student), softmax(teacher));

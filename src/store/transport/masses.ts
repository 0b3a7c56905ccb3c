// What tokens weigh: each the same, or as much as the bytes that they stand for.
import type { TokenLine } from "../../client";
import type { Masses } from "../../config/transport-view";

/** Masses of a line's tokens, which sum to 1. A token without bytes (a mark) weighs nothing by bytes. */
export function tokenMasses({ start, end }: TokenLine, kind: Masses): Float64Array {
  const n = start.length;
  if (kind === "uniform") return new Float64Array(n).fill(1 / n);
  const lengths = Float64Array.from(end, (to, i) => to - (start[i] ?? 0));
  const total = lengths.reduce((sum, x) => sum + x, 0);
  return total > 0 ? lengths.map((x) => x / total) : lengths.fill(1 / n);
}

// MultiLevelOT's parts in float64, METHODS §9.
import { logSumExp, type Values } from "./nn";

const rowsOf = (x: Values, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => Array.from(x).slice(r * width, (r + 1) * width));

/** Each row divided by T and its unbiased standard deviation. */
export const zScale = (x: Values, vocab: number, temperature: number): number[] =>
  rowsOf(x, vocab).flatMap((row) => {
    const mean = row.reduce((a, b) => a + b, 0) / vocab;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, vocab - 1);
    return row.map((v) => v / (temperature * (Math.sqrt(variance) + 1e-4)));
  });

/** Probabilities at the columns that are likeliest over each sample's rows; 0 for rows of no sample. */
export function pickTop(x: Values, vocab: number, ranges: [number, number][], top: number): number[] {
  const rows = rowsOf(x, vocab);
  const out = rows.map(() => new Array<number>(top).fill(0));
  for (const [from, to] of ranges) {
    const sums = Array.from({ length: vocab }, (_, v) =>
      rows.slice(from, to).reduce((sum, row) => sum + Math.exp(row[v]!), 0),
    );
    const order = sums.map((_, v) => v).sort((p, q) => sums[q]! - sums[p]! || p - q);
    for (let r = from; r < to; r++) out[r] = order.slice(0, top).map((v) => Math.exp(rows[r]![v]!));
  }
  return out.flat();
}

/** Σ_p weight·(‖a − b‖₁ + w·CE of their soft-maxes). */
export function tokenLevel(
  a: Values,
  b: Values,
  top: number,
  pairs: [number, number][],
  weight: Values,
  entropyWeight: number,
): number {
  const [left, right] = [rowsOf(a, top), rowsOf(b, top)];
  return pairs.reduce((sum, [s, t], p) => {
    const [x, y] = [left[s]!, right[t]!];
    const [ls, lt] = [logSumExp(x), logSumExp(y)];
    const distance = x.reduce((total, value, j) => total + Math.abs(value - y[j]!), 0);
    const entropy = -x.reduce((total, value, j) => total + Math.exp(y[j]! - lt) * (value - ls), 0);
    return sum + weight[p]! * (distance + entropyWeight * entropy);
  }, 0);
}

/** Σ_p weight·⟨P, C⟩ with P after the sweeps, its mass 1; x and y are log-probabilities. */
export function sequenceLevel(
  x: Values,
  y: Values,
  width: number,
  problems: { x: [number, number]; y: [number, number] }[],
  weight: Values,
  epsilon: number,
  sweeps: number,
): number {
  const [left, right] = [rowsOf(x, width), rowsOf(y, width)];
  return problems.reduce((sum, { x: [i0, i1], y: [j0, j1] }, p) => {
    const cost = left
      .slice(i0, i1)
      .map((s) =>
        right
          .slice(j0, j1)
          .map((t) => s.reduce((d, value, k) => d + Math.abs(Math.exp(value) - Math.exp(t[k]!)), 0)),
      );
    let plan = cost.map((row) => row.map((c) => Math.exp(-c / epsilon)));
    const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      const columns = plan[0]!.map((_, j) => total(plan.map((row) => row[j]!)));
      plan = plan.map((row) => row.map((value, j) => value / columns[j]!));
      plan = plan.map((row) => row.map((value) => value / total(row)));
    }
    const value = total(plan.map((row, i) => total(row.map((mass, j) => mass * cost[i]![j]!))));
    return sum + (weight[p]! * value) / cost.length;
  }, 0);
}

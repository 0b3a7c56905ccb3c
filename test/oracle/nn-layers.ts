// The ops of the families beyond Llama in float64, written from their equations.
import type { Values } from "./nn";

/** y[n,d] = w[d]·(x[n,d] − mean x[n]) / √(var x[n] + ε) + b[d]; stats are (mean, reciprocal root) by row. */
export function layerNorm(x: Values, w: Values, b: Values, eps: number) {
  const width = w.length;
  const y: number[] = [];
  const stats: number[] = [];
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += x[row + d]!;
    const mean = sum / width;
    let squares = 0;
    for (let d = 0; d < width; d++) squares += (x[row + d]! - mean) ** 2;
    const inv = 1 / Math.sqrt(squares / width + eps);
    stats.push(mean, inv);
    for (let d = 0; d < width; d++) y.push(w[d]! * (x[row + d]! - mean) * inv + b[d]!);
  }
  return { y, stats };
}

/** erfc by its continued fraction for large arguments and erf's Maclaurin series for small ones. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x > 3) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (x + fraction);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
  }
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * sum;
}

export type GeluForm = "erf" | "tanh";

export const gelu = (form: GeluForm, z: number): number =>
  form === "erf"
    ? (z * erfc(-z / Math.SQRT2)) / 2
    : (z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)))) / 2;

export const geglu = (form: GeluForm, gate: Values, up: Values): number[] =>
  Array.from(gate, (z, i) => gelu(form, z) * up[i]!);

export interface FusedDims {
  heads: number;
  headDim: number;
  interleaved: boolean;
}

/** x (N, 3·H·h) → queries, keys, values, one after the other. */
export function splitHeads(x: Values, { heads, headDim, interleaved }: FusedDims): number[] {
  const width = heads * headDim;
  const out: number[] = [];
  for (let part = 0; part < 3; part++)
    for (let row = 0; row < x.length / (3 * width); row++)
      for (let g = 0; g < heads; g++)
        for (let i = 0; i < headDim; i++) {
          const at = interleaved ? (3 * g + part) * headDim + i : part * width + g * headDim + i;
          out.push(x[row * 3 * width + at]!);
        }
  return out;
}

/** Row b·T + t of x (D wide) plus row start[b] + t of the table. */
export const addPositions = (
  x: Values,
  table: Values,
  { length, width, start }: { length: number; width: number; start: Values },
): number[] =>
  Array.from(x, (value, i) => {
    const row = Math.floor(i / width);
    return value + table[(start[Math.floor(row / length)]! + (row % length)) * width + (i % width)]!;
  });

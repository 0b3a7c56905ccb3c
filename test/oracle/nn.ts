// The student's ops in float64, written from their equations: plain loops, no cleverness.
import { createRng } from "../../src/config/rng";

export type Values = ArrayLike<number>;

/** Seeded normal values, exactly representable in f32, so that kernel and oracle read the same numbers. */
export function normals(seed: number, count: number, scale = 1): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => scale * rng.normal());
}

/** Σ_i dy[i] · ∂f(x)[i]/∂x[j] by central differences, for every j. */
export function finiteDifferences(f: (x: number[]) => Values, x: Values, dy: Values, h = 1e-5): number[] {
  const at = Array.from(x);
  return at.map((middle, j) => {
    at[j] = middle + h;
    const high = Array.from(f(at));
    at[j] = middle - h;
    const low = f(at);
    at[j] = middle;
    return high.reduce((sum, value, i) => sum + (dy[i]! * (value - low[i]!)) / (2 * h), 0);
  });
}

export interface MatmulDims {
  layout: "nt" | "nn" | "tn";
  rows: number;
  cols: number;
  inner: number;
}

/** out[r,c] = Σ_k a[r,k]·b[k,c], with the operand named "t" stored transposed. */
export function matmul({ layout, rows, cols, inner }: MatmulDims, a: Values, b: Values): number[] {
  const out: number[] = [];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum +=
          a[layout === "tn" ? k * rows + r : r * inner + k]! *
          b[layout === "nt" ? c * inner + k : k * cols + c]!;
      out.push(sum);
    }
  return out;
}

/** y[n,d] = (w[d] + offset)·x[n,d] / √(mean x[n]² + ε); inv[n] is the reciprocal root. */
export function rmsNorm(x: Values, w: Values, eps: number, offset = 0) {
  const width = w.length;
  const y: number[] = [];
  const inv: number[] = [];
  for (let row = 0; row < x.length; row += width) {
    let squares = 0;
    for (let d = 0; d < width; d++) squares += x[row + d]! ** 2;
    const scale = 1 / Math.sqrt(squares / width + eps);
    inv.push(scale);
    for (let d = 0; d < width; d++) y.push((w[d]! + offset) * x[row + d]! * scale);
  }
  return { y, inv };
}

export interface RopeDims {
  length: number;
  heads: number;
  headDim: number;
  theta: number;
  start: Values;
  /** r: values of each head that turn; the whole head if absent. */
  rotary?: number;
}

/** Pair (i, i + r/2) of each head turned by position·θ^(−2i/r); the values from r on stay. */
export function rope(x: Values, dims: RopeDims): number[] {
  const { length, heads, headDim, theta, start, rotary = headDim } = dims;
  const y = Array.from(x);
  const half = rotary / 2;
  for (let row = 0; row < x.length / (heads * headDim); row++) {
    const position = start[Math.floor(row / length)]! + (row % length);
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < half; i++) {
        const angle = position * theta ** ((-2 * i) / rotary);
        const low = (row * heads + h) * headDim + i;
        y[low] = x[low]! * Math.cos(angle) - x[low + half]! * Math.sin(angle);
        y[low + half] = x[low + half]! * Math.cos(angle) + x[low]! * Math.sin(angle);
      }
  }
  return y;
}

export const swiglu = (gate: Values, up: Values): number[] =>
  Array.from(gate, (z, i) => (z / (1 + Math.exp(-z))) * up[i]!);

export interface AttentionDims {
  batch: number;
  /** Queries, and keys that are held, in each row of the batch. */
  length: number;
  keys: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  start: Values;
  /** The factor of q·kᵀ; 1/√h if absent. */
  scale?: number;
  /** Keys that a query sees, its own included; all if absent. */
  window?: number;
}

/** softmax(scale·q·kᵀ)·v over keys 0 ≤ start + t − s < window; query head h reads key head ⌊h·G/H⌋. */
export function attention(q: Values, k: Values, v: Values, dims: AttentionDims) {
  const { batch, length, keys, heads, kvHeads, headDim, start } = dims;
  const { scale = 1 / Math.sqrt(headDim), window = Infinity } = dims;
  const out: number[] = [];
  const lse: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let h = 0; h < heads; h++) {
        const g = Math.floor((h * kvHeads) / heads);
        const query = ((b * length + t) * heads + h) * headDim;
        const key = (s: number) => ((b * keys + s) * kvHeads + g) * headDim;
        const seen = Math.min(start[b]! + t + 1, keys);
        const scores = Array.from({ length: seen }, (_, s) => {
          let dot = 0;
          for (let i = 0; i < headDim; i++) dot += q[query + i]! * k[key(s) + i]!;
          return seen - s <= window ? dot * scale : -Infinity;
        });
        const total = logSumExp(scores);
        lse.push(total);
        for (let i = 0; i < headDim; i++)
          out.push(scores.reduce((sum, x, s) => sum + Math.exp(x - total) * v[key(s) + i]!, 0));
      }
  return { out, lse };
}

export function logSumExp(x: Values): number {
  const top = Array.from(x).reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(Array.from(x).reduce((sum, value) => sum + Math.exp(value - top), 0));
}

export const NO_ROW = 0xffffffff;

/** Row r of the result is row rows[r] of x; zeros for NO_ROW. */
export function gatherRows(x: Values, rows: Values, width: number): number[] {
  const out: number[] = [];
  for (let r = 0; r < rows.length; r++)
    for (let d = 0; d < width; d++) out.push(rows[r] === NO_ROW ? 0 : x[rows[r]! * width + d]!);
  return out;
}

/** The adjoint: row rows[r] of the result gains dy[r]. */
export function scatterRows(dy: Values, rows: Values, width: number, count: number): number[] {
  const out = new Array<number>(count * width).fill(0);
  for (let r = 0; r < rows.length; r++)
    if (rows[r] !== NO_ROW) for (let d = 0; d < width; d++) out[rows[r]! * width + d]! += dy[r * width + d]!;
  return out;
}

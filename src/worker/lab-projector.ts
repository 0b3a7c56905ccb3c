// Teacher states in the student's space, without a training run: a linear map fitted once by ridge regression
// on tokens of both models that end at the same byte, or the random map that a run starts from.
//
//   fitted   x ≈ W (y − ȳ) + x̄,   W = (Xᵀ Y)(Yᵀ Y + λ n I)⁻¹ on centred pairs
//   random   x = W y,              W ~ N(0, 1/d_t), seeded
import { createRng, deriveSeed } from "../config/rng";

export interface Projector {
  /** [m, dTeacher] → [m, dStudent]. */
  apply(states: Float32Array): Float32Array;
  /** Share of the student's variance on the pairs that the map explains; undefined for the random map. */
  readonly explained: number | undefined;
  readonly pairs: number;
}

const RIDGE = 1e-3;
const SEED = 7;

export function randomProjector(dStudent: number, dTeacher: number): Projector {
  const rng = createRng(deriveSeed(SEED, "lab projector"));
  const scale = 1 / Math.sqrt(dTeacher);
  const w = Float64Array.from({ length: dStudent * dTeacher }, () => rng.normal() * scale);
  const zero = new Float64Array(Math.max(dStudent, dTeacher));
  return {
    apply: (states) => project(states, w, zero, zero, dStudent, dTeacher),
    explained: undefined,
    pairs: 0,
  };
}

/** `x` [n, dStudent] and `y` [n, dTeacher] are states of byte-aligned pairs. */
export function fitProjector(
  x: Float64Array,
  y: Float64Array,
  dStudent: number,
  dTeacher: number,
): Projector {
  const n = x.length / dStudent;
  if (n < 2) throw new RangeError(`a projector needs at least 2 aligned pairs to be fitted, got ${n}`);
  const [xMean, yMean] = [columnMeans(x, dStudent), columnMeans(y, dTeacher)];
  const gram = crossProducts(y, yMean, dTeacher, y, yMean, dTeacher);
  let trace = 0;
  for (let k = 0; k < dTeacher; k++) trace += gram[k * dTeacher + k]!;
  for (let k = 0; k < dTeacher; k++) gram[k * dTeacher + k]! += (RIDGE * trace) / dTeacher + 1e-12;
  const cross = crossProducts(x, xMean, dStudent, y, yMean, dTeacher);
  const w = solveRows(gram, cross, dStudent, dTeacher);

  const fitted = project(Float32Array.from(y), w, xMean, yMean, dStudent, dTeacher);
  let [left, total] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    left += (x[i]! - fitted[i]!) ** 2;
    total += (x[i]! - xMean[i % dStudent]!) ** 2;
  }
  return {
    apply: (states) => project(states, w, xMean, yMean, dStudent, dTeacher),
    explained: total > 0 ? 1 - left / total : 0,
    pairs: n,
  };
}

function project(
  states: Float32Array,
  w: Float64Array,
  xMean: Float64Array,
  yMean: Float64Array,
  dStudent: number,
  dTeacher: number,
): Float32Array {
  const rows = states.length / dTeacher;
  const out = new Float32Array(rows * dStudent);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < dStudent; i++) {
      let sum = xMean[i]!;
      for (let k = 0; k < dTeacher; k++)
        sum += w[i * dTeacher + k]! * (states[r * dTeacher + k]! - yMean[k]!);
      out[r * dStudent + i] = sum;
    }
  return out;
}

function columnMeans(values: Float64Array, width: number): Float64Array {
  const means = new Float64Array(width);
  const rows = values.length / width;
  values.forEach((value, i) => (means[i % width]! += value / rows));
  return means;
}

/** Σ_r (a_r − ā)(b_r − b̄)ᵀ, [p, q]. */
function crossProducts(
  a: Float64Array,
  aMean: Float64Array,
  p: number,
  b: Float64Array,
  bMean: Float64Array,
  q: number,
): Float64Array {
  const out = new Float64Array(p * q);
  for (let r = 0; r * p < a.length; r++)
    for (let i = 0; i < p; i++) {
      const value = a[r * p + i]! - aMean[i]!;
      for (let j = 0; j < q; j++) out[i * q + j]! += value * (b[r * q + j]! - bMean[j]!);
    }
  return out;
}

/** Each row w of the result solves gram · w = right, by Cholesky; gram is [q, q], right [p, q]. */
function solveRows(gram: Float64Array, right: Float64Array, p: number, q: number): Float64Array {
  const low = new Float64Array(q * q);
  for (let i = 0; i < q; i++)
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * q + j]!;
      for (let k = 0; k < j; k++) sum -= low[i * q + k]! * low[j * q + k]!;
      low[i * q + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / low[j * q + j]!;
    }
  const out = right.slice();
  for (let r = 0; r < p; r++) {
    const row = out.subarray(r * q, (r + 1) * q);
    for (let i = 0; i < q; i++) {
      for (let k = 0; k < i; k++) row[i]! -= low[i * q + k]! * row[k]!;
      row[i]! /= low[i * q + i]!;
    }
    for (let i = q - 1; i >= 0; i--) {
      for (let k = i + 1; k < q; k++) row[i]! -= low[k * q + i]! * row[k]!;
      row[i]! /= low[i * q + i]!;
    }
  }
  return out;
}

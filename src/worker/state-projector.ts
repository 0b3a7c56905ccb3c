// Teacher states in the student's space, without a training run: a linear map fitted once by ridge regression
// on tokens of both models that end at the same byte, or the random map that a run starts from.
//
//   fitted   x ≈ (y − ȳ)·W + x̄,   W = (YᵀY + λ n I)⁻¹ YᵀX on centred pairs
//   random   x = y·W,             W ~ N(0, 1/d_t), seeded
import { addRidge, crossProduct, type Rows, solveCholesky } from "../base/linear-system";
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
  const w = new Float64Array(dTeacher * dStudent);
  for (let i = 0; i < dStudent; i++)
    for (let k = 0; k < dTeacher; k++) w[k * dStudent + i] = rng.normal() * scale;
  const [xMean, yMean] = [new Float64Array(dStudent), new Float64Array(dTeacher)];
  return {
    apply: (states) => project(states, w, xMean, yMean),
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
  const [xs, ys] = [centred(x, xMean), centred(y, yMean)];
  const gram = crossProduct(ys, ys);
  addRidge(gram, dTeacher, (trace) => (RIDGE * trace) / dTeacher + 1e-12);
  const w = solveCholesky(gram, crossProduct(ys, xs), dTeacher, dStudent);

  const fitted = project(Float32Array.from(y), w, xMean, yMean);
  let [left, total] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    left += (x[i]! - fitted[i]!) ** 2;
    total += (x[i]! - xMean[i % dStudent]!) ** 2;
  }
  return {
    apply: (states) => project(states, w, xMean, yMean),
    explained: total > 0 ? 1 - left / total : 0,
    pairs: n,
  };
}

/** (y − ȳ)·W + x̄ for each row y of the states; W is [dTeacher, dStudent]. */
function project(
  states: Float32Array,
  w: Float64Array,
  xMean: Float64Array,
  yMean: Float64Array,
): Float32Array {
  const [dStudent, dTeacher] = [xMean.length, yMean.length];
  const rows = states.length / dTeacher;
  const out = new Float32Array(rows * dStudent);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < dStudent; i++) {
      let sum = xMean[i]!;
      for (let k = 0; k < dTeacher; k++)
        sum += w[k * dStudent + i]! * (states[r * dTeacher + k]! - yMean[k]!);
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

const centred = (values: Float64Array, mean: Float64Array): Rows => ({
  count: values.length / mean.length,
  width: mean.length,
  data: values.map((value, i) => value - mean[i % mean.length]!),
});

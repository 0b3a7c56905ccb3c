// layer_norm, layer_norm_backward, layer_norm_weights — plan
//   forward        matches the f64 oracle × (rows × width) {1×1, 3×7, 5×64, 2×130}
//   offset         rows near 1000 ± 1: the variance survives; control: one pass (mean of squares) would not
//   constant rows  variance 0: y is the bias
//   many rows      70,001 rows fold into a second grid dimension
//   dx, dw, db     finite differences of the oracle × the same sizes × accumulate
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { foldRows } from "../../src/student/grid";
import {
  layerNormBackwardKernel,
  layerNormKernel,
  layerNormWeightsKernel,
} from "../../src/student/ops/layer-norm";
import { finiteDifferences, normals } from "../oracle/nn";
import { layerNorm } from "../oracle/nn-layers";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const EPS = 1e-5;
const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [2, 130],
] as const;

const forward = (x: Float32Array, w: Float32Array, b: Float32Array) => {
  const rows = x.length / w.length;
  return runKernel(layerNormKernel, {
    inputs: {
      params: packParams(u32(rows), u32(w.length), f32(EPS)),
      x: guarded(x),
      w: guarded(w),
      b: guarded(b),
    },
    outputs: { y: x.length + GUARD, stats: 2 * rows + GUARD + 1 },
    grid: foldRows(rows),
  });
};

describe("forward", () => {
  test.each(sizes)("%i × %i", async (rows, width) => {
    const [x, w, b] = [normals(1, rows * width), normals(2, width), normals(3, width)];
    const { y, stats } = await forward(x, w, b);
    const want = layerNorm(x, w, b, EPS);
    // Two sums of up to 130 terms, a root and a division (2.5 ulp each).
    expectGuarded(y, want.y, { rtol: 3e-6, atol: 3e-6 }, "y");
    expectGuarded(stats, want.stats, { rtol: 3e-6, atol: 3e-7 }, "stats");
  });

  test("a large common offset", async () => {
    const [x, w, b] = [normals(4, 2 * 65).map((value) => 1000 + value), normals(5, 65), normals(6, 65)];
    const { y } = await forward(x, w, b);
    // x itself is rounded to 6e-5 in f32, but kernel and oracle read the same; the mean adds 2e-4 at most.
    expectGuarded(y, layerNorm(x, w, b, EPS).y, { rtol: 0, atol: 5e-4 });
    const oneSum = (values: Float32Array) => values.reduce((sum, value) => Math.fround(sum + value), 0);
    const onePass =
      oneSum(x.subarray(0, 65).map((value) => value * value)) / 65 - (oneSum(x.subarray(0, 65)) / 65) ** 2;
    const variance = layerNorm(x, w, b, 0).stats[1]! ** -2;
    expect(Math.abs(onePass / variance - 1)).toBeGreaterThan(0.005);
  });

  test("a constant row is the bias", async () => {
    const [w, b] = [normals(7, 33), normals(8, 33)];
    const { y } = await forward(new Float32Array(33).fill(-3), w, b);
    expectGuarded(y, b, { rtol: 0, atol: 1e-3 });
  });

  test("more rows than a grid dimension holds", async () => {
    const rows = 70_001;
    const [x, w, b] = [normals(1, rows * 2), normals(2, 2), normals(3, 2)];
    const { y } = await forward(x, w, b);
    // Two values that nearly agree: the variance is as small as ε, and their difference exact.
    expectGuarded(y, layerNorm(x, w, b, EPS).y, { rtol: 1e-5, atol: 2e-4 });
  });
});

/** A binding that starts as NaN, or holds values to be added to. */
const target = (name: string, length: number, before?: Float32Array) =>
  before ? { inout: { [name]: guarded(before) } } : { outputs: { [name]: length + GUARD } };

describe("backward", () => {
  const cases = sizes.flatMap((size) => [false, true].map((accumulate) => ({ size, accumulate })));
  test.each(cases)("$size, accumulate $accumulate", async ({ size: [rows, width], accumulate }) => {
    const [x, w, b, dy] = [
      normals(5, rows * width),
      normals(6, width),
      normals(7, width),
      normals(8, rows * width),
    ];
    const stats = Float32Array.from([...layerNorm(x, w, b, EPS).stats, 9, -9]);
    const flag = u32(accumulate ? 1 : 0);
    const before = { dx: normals(9, x.length), dw: normals(10, width), db: normals(11, width) };
    const old = (name: keyof typeof before) => (accumulate ? before[name] : undefined);
    const { dx } = await runKernel(layerNormBackwardKernel, {
      inputs: {
        params: packParams(u32(rows), u32(width), flag),
        x: guarded(x),
        w: guarded(w),
        stats,
        dy: guarded(dy),
      },
      outputs: {},
      ...target("dx", x.length, old("dx")),
      grid: foldRows(rows),
    });
    const [dwTarget, dbTarget] = [target("dw", width, old("dw")), target("db", width, old("db"))];
    const { dw, db } = await runKernel(layerNormWeightsKernel, {
      inputs: {
        params: packParams(u32(rows), u32(width), flag, flag),
        dy: guarded(dy),
        x: guarded(x),
        stats,
      },
      outputs: { ...dwTarget.outputs, ...dbTarget.outputs },
      inout: { ...dwTarget.inout, ...dbTarget.inout },
      grid: [Math.ceil(width / 8)],
    });
    const add = (values: number[], name: keyof typeof before) =>
      values.map((value, i) => value + (old(name)?.[i] ?? 0));
    const wantX = finiteDifferences((at) => layerNorm(at, w, b, EPS).y, x, dy);
    const wantW = finiteDifferences((at) => layerNorm(x, at, b, EPS).y, w, dy);
    const wantB = finiteDifferences((at) => layerNorm(x, w, at, EPS).y, b, dy);
    // f32 sums of up to 130 terms near 1; with one column the true dx is 0 and its factor 1/√ε = 316.
    expectGuarded(dx, add(wantX, "dx"), { rtol: 3e-6, atol: width === 1 ? 1e-4 : 5e-6 }, "dx");
    expectGuarded(dw, add(wantW, "dw"), { rtol: 3e-6, atol: 3e-6 }, "dw");
    expectGuarded(db, add(wantB, "db"), { rtol: 3e-6, atol: 3e-6 }, "db");
  });
});

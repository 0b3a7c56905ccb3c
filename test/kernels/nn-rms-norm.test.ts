// rms_norm, rms_norm_backward, column_dot — plan
//   forward        matches the f64 oracle × (rows × width) {1×1, 3×7, 5×64, 2×130, 1×520}: workgroups of 8, 32 and 64; huge 1e15 and tiny 1e-6 rows
//   dx             finite differences of the oracle × the same sizes × accumulate {no, yes}
//   dw             the same, through column_dot scaled
//   offset         Gemma's w + 1, forward and dx, on the same sizes
//   many rows      70,001 rows fold into a second grid dimension
//   column sums    column_dot plain, the gradient of a bias × rows {1, 8, 67} × accumulate
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { foldRows } from "../../src/student/grid";
import { columnDotKernel } from "../../src/student/ops/linear";
import { ofWidth, rmsNormBackwardKernel, rmsNormKernel } from "../../src/student/ops/rms-norm";
import { finiteDifferences, normals, rmsNorm } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const EPS = 1e-5;
const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [2, 130],
  [1, 520],
] as const;

const forward = (x: Float32Array, w: Float32Array, offset = 0) => {
  const rows = x.length / w.length;
  return runKernel(ofWidth(rmsNormKernel, w.length), {
    inputs: {
      params: packParams(u32(rows), u32(w.length), f32(EPS), f32(offset)),
      x: guarded(x),
      w: guarded(w),
    },
    outputs: { y: x.length + GUARD, inv: rows + GUARD },
    grid: foldRows(rows),
  });
};

/** A binding that starts as NaN, or holds values to be added to. */
const target = (name: string, length: number, before?: Float32Array) =>
  before ? { outputs: {}, inout: { [name]: guarded(before) } } : { outputs: { [name]: length + GUARD } };

describe("forward", () => {
  test.each(sizes)("%i × %i", async (rows, width) => {
    const [x, w] = [normals(1, rows * width), normals(2, width)];
    const { y, inv } = await forward(x, w);
    const want = rmsNorm(x, w, EPS);
    // Two roundings, a sum of squares and the device's sqrt and division (2.5 ulp each).
    expectGuarded(y, want.y, { rtol: 2e-6, atol: 1e-7 });
    expectGuarded(inv, want.inv, { rtol: 2e-6, atol: 0 });
  });

  test("an offset", async () => {
    const [x, w] = [normals(1, 3 * 7), normals(2, 7)];
    const { y } = await forward(x, w, 1);
    expectGuarded(y, rmsNorm(x, w, EPS, 1).y, { rtol: 2e-6, atol: 1e-7 });
  });

  test("more rows than a grid dimension holds", async () => {
    const rows = 70_001;
    expect(foldRows(rows)[1]).toBe(3);
    const [x, w] = [normals(1, rows * 2), normals(2, 2)];
    const { y } = await forward(x, w);
    expectGuarded(y, rmsNorm(x, w, EPS).y, { rtol: 3e-6, atol: 1e-7 });
  });

  test.each([1e15, 1e-6, 0])("rows of size %g", async (scale) => {
    const [x, w] = [normals(3, 2 * 33, scale), normals(4, 33)];
    const { y } = await forward(x, w);
    expectGuarded(y, rmsNorm(x, w, EPS).y, { rtol: 3e-6, atol: 1e-9 });
  });
});

describe("backward", () => {
  const cases = sizes.flatMap((size) =>
    [false, true].map((accumulate) => ({ size, accumulate, offset: accumulate ? 1 : 0 })),
  );
  test.each(cases)("$size, accumulate $accumulate, offset $offset", async (c) => {
    const { accumulate, offset } = c;
    const [rows, width] = c.size;
    const [x, w, dy] = [normals(5, rows * width), normals(6, width), normals(7, rows * width)];
    const inv = guarded(rmsNorm(x, w, EPS).inv);
    const flag = u32(accumulate ? 1 : 0);
    const [beforeX, beforeW] = [normals(8, x.length), normals(9, width)];
    const { dx } = await runKernel(ofWidth(rmsNormBackwardKernel, w.length), {
      inputs: {
        params: packParams(u32(rows), u32(width), f32(offset), flag),
        x: guarded(x),
        w: guarded(w),
        inv,
        dy: guarded(dy),
      },
      ...target("dx", x.length, accumulate ? beforeX : undefined),
      grid: [rows],
    });
    const { out } = await runKernel(columnDotKernel, {
      inputs: {
        params: packParams(u32(rows), u32(width), u32(1), flag),
        dy: guarded(dy),
        x: guarded(x),
        inv,
      },
      ...target("out", width, accumulate ? beforeW : undefined),
      grid: [Math.ceil(width / 8)],
    });
    const add = (values: number[], before: Float32Array) =>
      values.map((value, i) => value + (accumulate ? before[i]! : 0));
    const wantX = finiteDifferences((at) => rmsNorm(at, w, EPS, offset).y, x, dy);
    const wantW = finiteDifferences((at) => rmsNorm(x, at, EPS, offset).y, w, dy);
    // f32 sums of up to 130 terms near 1.
    expectGuarded(dx, add(wantX, beforeX), { rtol: 3e-6, atol: 5e-6 }, "dx");
    expectGuarded(out, add(wantW, beforeW), { rtol: 3e-6, atol: 3e-6 }, "dw");
  });
});

test.each([1, 8, 67])("column sums over %i rows", async (rows) => {
  const width = 13;
  const dy = normals(10, rows * width);
  const before = normals(11, width);
  for (const accumulate of [0, 1]) {
    const { out } = await runKernel(columnDotKernel, {
      inputs: {
        params: packParams(u32(rows), u32(width), u32(0), u32(accumulate)),
        dy: guarded(dy),
        x: guarded(dy),
        inv: guarded(dy),
      },
      ...target("out", width, accumulate ? before : undefined),
      grid: [Math.ceil(width / 8)],
    });
    const sums = Array.from({ length: width }, (_, d) =>
      Array.from({ length: rows }, (_row, n) => dy[n * width + d]!).reduce((a, b) => a + b, 0),
    );
    const want = sums.map((value, d) => value + accumulate * before[d]!);
    expectGuarded(out, want, { rtol: 1e-6, atol: 5e-6 });
  }
  expect.hasAssertions();
});

// rope, cache_write — plan
//   forward     matches the f64 oracle × (rows, T, heads, head size) {1·1·1·2, 6·3·5·6, 22·11·2·8}, with a start per row,
//               and with 2 of 8 and 6 of 12 values of a head turned
//   far         position 4000, θ 500 and 1e6: the table is made in the f32 arithmetic of Hugging Face
//   backward    finite differences of the oracle, × accumulate; turning and turning back gives x again
//   cache       rows land at their position; past the end nothing is written
import { describe, expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import { cacheWriteKernel } from "../../src/student/generate";
import { foldGrid } from "../../src/student/grid";
import { ropeKernel, ropeParams, ropeTable } from "../../src/student/ops/rope";
import { ropeFrequencies } from "../../src/models/families/rope-frequencies";
import { finiteDifferences, normals, rope, type RopeDims } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

async function turn(x: Float32Array, dims: RopeDims, sign: 1 | -1, before?: Float32Array) {
  const positions = Math.max(...Array.from(dims.start)) + dims.length;
  const { frequencies } = ropeFrequencies(dims.rotary ?? dims.headDim, { ropeTheta: dims.theta });
  const table = ropeTable(positions, frequencies);
  const params = ropeParams(x.length / 2, dims, sign, before !== undefined);
  const { y } = await runKernel(ropeKernel, {
    inputs: { params, start: Uint32Array.from(Array.from(dims.start)), table: guarded(table), x: guarded(x) },
    ...(before ? { outputs: {}, inout: { y: guarded(before) } } : { outputs: { y: x.length + GUARD } }),
    grid: foldGrid(x.length / 2),
  });
  return y!;
}

const cases: [rows: number, dims: RopeDims][] = [
  [1, { length: 1, heads: 1, headDim: 2, theta: 1e4, start: [0] }],
  [6, { length: 3, heads: 5, headDim: 6, theta: 1e4, start: [0, 7] }],
  [22, { length: 11, heads: 2, headDim: 8, theta: 500, start: [3, 0] }],
  [6, { length: 3, heads: 3, headDim: 8, rotary: 2, theta: 1e4, start: [0, 5] }],
  [5, { length: 5, heads: 1, headDim: 12, rotary: 6, theta: 1e4, start: [2] }],
];

describe("rope", () => {
  test.each(cases)("%i rows, %o", async (rows, dims) => {
    const x = normals(1, rows * dims.heads * dims.headDim);
    // The angle in f32: 14 positions · 6e-8, times values near 3.
    expectGuarded(await turn(x, dims, 1), rope(x, dims), { rtol: 0, atol: 5e-6 });
    const dy = normals(2, x.length);
    const want = finiteDifferences((at) => rope(at, dims), x, dy);
    const before = normals(3, x.length);
    expectGuarded(await turn(dy, dims, -1), want, { rtol: 0, atol: 5e-6 });
    const added = want.map((value, i) => value + before[i]!);
    expectGuarded(await turn(dy, dims, -1, before), added, { rtol: 0, atol: 5e-6 });
    const back = await turn((await turn(x, dims, 1)).slice(0, x.length), dims, -1);
    expectGuarded(back, x, { rtol: 0, atol: 2e-6 });
  });

  test.each([500, 1e6])("position 4000, theta %d", async (theta) => {
    const dims = { length: 1, heads: 3, headDim: 16, theta, start: [4000] };
    const x = normals(4, 48);
    // An f32 angle near 4000 is off by up to 4000 · 1.2e-7 = 5e-4.
    expectGuarded(await turn(x, dims, 1), rope(x, dims), { rtol: 0, atol: 2e-3 });
  });
});

test("cache_write", async () => {
  const [length, capacity, width] = [2, 5, 67];
  const x = normals(5, 3 * length * width);
  const start = [0, 2, 4]; // the last row's second token does not fit
  const before = normals(6, 3 * capacity * width);
  const { cache } = await runKernel(cacheWriteKernel, {
    inputs: {
      params: packParams(u32(length), u32(capacity), u32(width)),
      start: Uint32Array.from(start),
      x: guarded(x),
    },
    outputs: {},
    inout: { cache: guarded(before) },
    grid: [3 * length],
  });
  const want = before.slice();
  start.forEach((first, b) => {
    for (let t = 0; t < length && first + t < capacity; t++)
      want.set(
        x.subarray((b * length + t) * width, (b * length + t + 1) * width),
        (b * capacity + first + t) * width,
      );
  });
  expect([...cache!.subarray(0, want.length)]).toEqual([...want]);
  expectGuarded(cache, want, { rtol: 0, atol: 0 });
});

// block_softmax, its adjoint, mix_two — plan
//   values      ranges that are whole, partial, of one column, empty; huge and tiny scores; 3 to 130 columns
//   adjoint     finite differences of the oracle, written over NaN and added to what is there
//   mix         both weights, an odd count
//   control     a range that is one column too long changes the result
import { describe, expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import {
  blockRanges,
  blockSoftmaxBackwardKernel,
  blockSoftmaxKernel,
  mixKernel,
} from "../../src/objectives/ops/block-attention";
import { makeSideBatch } from "../../src/data";
import { expectClose } from "../support/close";
import { runKernel } from "../support/gpu";

const uniform = (...values: number[]) => Float32Array.from([...values, 0, 0, 0]).slice(0, 4).buffer;

const scores = (rows: number, cols: number, spread: number) =>
  Float32Array.from({ length: rows * cols }, (_, i) => spread * Math.sin(i * 1.7 + 0.3));

function oracle(x: ArrayLike<number>, cols: number, ranges: ArrayLike<number>, scale: number): number[] {
  return Array.from({ length: x.length }, (_, i) => {
    const r = Math.floor(i / cols);
    const [from, to] = [ranges[2 * r]!, ranges[2 * r + 1]!];
    const inside = Array.from({ length: to - from }, (__, k) => scale * x[r * cols + from + k]!);
    const top = Math.max(...inside);
    const total = inside.reduce((sum, s) => sum + Math.exp(s - top), 0);
    const c = i % cols;
    return c >= from && c < to ? Math.exp(scale * x[i]! - top) / total : 0;
  });
}

const forward = async (x: Float32Array, cols: number, ranges: Uint32Array, scale: number) => {
  const rows = x.length / cols;
  const inputs = { params: packParams(u32(cols)), scale: uniform(scale), ranges, x };
  return (await runKernel(blockSoftmaxKernel, { inputs, outputs: { y: x.length }, grid: [rows] })).y!;
};

const CASES = [
  { cols: 3, ranges: [0, 3, 1, 2, 2, 2], spread: 1 },
  { cols: 130, ranges: [0, 130, 64, 129, 7, 8, 0, 0], spread: 5 },
  { cols: 65, ranges: [0, 64, 1, 65], spread: 1e4 },
];

describe("block_softmax", () => {
  test.each(CASES)("$cols columns, spread $spread", async ({ cols, ranges, spread }) => {
    const rows = ranges.length / 2;
    const x = scores(rows, cols, spread);
    const y = await forward(x, cols, Uint32Array.from(ranges), 0.7);
    expectClose(y, oracle(x, cols, ranges, 0.7), { rtol: 1e-5 * Math.max(1, spread / 10), atol: 1e-7 });
    if (spread > 100) return; // one-hot: another range need not show
    const longer = oracle(x, cols, [ranges[0]!, ranges[1]! - 1, ...ranges.slice(2)], 0.7);
    expect(Math.max(...longer.map((want, i) => Math.abs(want - y[i]!)))).toBeGreaterThan(1e-4);
  });

  test("the adjoint, over NaN and added", async () => {
    const { cols, ranges } = { cols: 67, ranges: [0, 67, 30, 66, 0, 0] };
    const rows = ranges.length / 2;
    const x = scores(rows, cols, 2);
    const dy = scores(rows, cols, 1).map((v) => v * 0.7 + 0.1);
    const y = await forward(x, cols, Uint32Array.from(ranges), 0.7);
    const loss = (values: ArrayLike<number>) =>
      oracle(values, cols, ranges, 0.7).reduce((sum, p, i) => sum + p * dy[i]!, 0);
    const h = 1e-5;
    const want = Array.from(x, (_, i) => {
      const at = (shift: number) => loss(Float64Array.from(x, (v, k) => (k === i ? v + shift : v)));
      return (at(h) - at(-h)) / (2 * h);
    });
    const run = async (accumulate: number) => {
      const inputs = { params: packParams(u32(cols), u32(accumulate)), scale: uniform(0.7), y, dy };
      const dx = new Float32Array(x.length).fill(accumulate === 1 ? 3 : NaN);
      return (
        await runKernel(blockSoftmaxBackwardKernel, { inputs, outputs: {}, inout: { dx }, grid: [rows] })
      ).dx!;
    };
    expectClose(await run(0), want, { rtol: 1e-4, atol: 1e-6 });
    expectClose(
      await run(1),
      want.map((g) => g + 3),
      { rtol: 1e-4, atol: 1e-6 },
    );
  }, 30_000);

  test("ranges of a ragged batch: each row sees its own sample, padding rows see none", () => {
    const side = (lengths: number[]) =>
      makeSideBatch(
        lengths.map((n) => ({ ids: new Int32Array(n + 2), promptLength: 2, truncated: false })),
        0,
      );
    expect([...blockRanges(side([1, 2]), side([3, 1]), 4)]).toEqual([0, 3, 3, 4, 3, 4, 0, 0]);
  });
});

test("mix_two: both weights", async () => {
  const [a, b] = [scores(1, 131, 3), scores(1, 131, 1).map((v) => v + 2)];
  const inputs = { params: packParams(u32(131)), weights: uniform(0.5, -2), a, b };
  const { out } = await runKernel(mixKernel, { inputs, outputs: { out: 131 }, grid: [3] });
  expectClose(
    out!,
    Array.from(a, (v, i) => 0.5 * v - 2 * b[i]!),
    { rtol: 1e-6, atol: 1e-6 },
  );
});

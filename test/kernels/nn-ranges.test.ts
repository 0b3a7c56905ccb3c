// Ops over a matrix in ranges of its rows, as one larger than the adapter binds lies — plan
//   linear       value and every gradient against the f64 oracle, used twice so that gradients add × layout × {nothing,
//                bias, residual} × ranges {one, two, three with odd borders, seven, a last one of one row}
//   frozen       a weight without a gradient passes one on
//   embedding    with padding, a range that no token is in, a token in the last row
//   positions    a learned table in ranges
//   bits         y is that of the whole weight, bit for bit, where no sum is cut
//   refusals     a kernel that binds a split tensor, an output of one, rows that straddle a border: by name
import { describe, expect, test } from "vitest";
import { ProgramBuilder } from "../../src/gpu/program";
import { fixed, inRanges, rowRanges, rowsOf } from "../../src/gpu/tensor";
import { linear, Tape } from "../../src/student";
import { addKernel } from "../../src/student/ops/add";
import { addPositions } from "../../src/student/ops/positions";
import { embedding } from "../../src/student/ops/rows";
import { gatherRows, matmul, NO_ROW, normals, type Values } from "../oracle/nn";
import { addPositions as positionsOracle } from "../oracle/nn-layers";
import { testGpu } from "../support/gpu";
import { checkOp } from "../support/op";

const [N, K, M] = [5, 13, 17];
/** Rows of each range of a matrix of `rows`. */
const CUTS: Record<number, number[][]> = {
  17: [[17], [9, 8], [5, 5, 7], [3, 1, 2, 3, 5, 2, 1], [16, 1]],
  13: [[13], [7, 6], [5, 3, 5], [1, 3, 2, 2, 1, 3, 1], [12, 1]],
};

const cases = (["out-in", "in-out"] as const).flatMap((layout) =>
  CUTS[layout === "out-in" ? M : K]!.flatMap((ranges) =>
    ([undefined, "bias", "residual"] as const).map((more) => ({ layout, ranges, more })),
  ),
);

describe("linear", () => {
  test.each(cases)("$layout, ranges of $ranges rows, $more", async ({ layout, ranges, more }) => {
    const shape = layout === "out-in" ? [M, K] : [K, M];
    const kind = layout === "out-in" ? "nt" : "nn";
    const extra = {
      bias: { c: { data: normals(3, M), shape: [M] } },
      residual: { c: { data: normals(4, N * M), shape: [N, M] } },
    };
    await checkOp({
      leaves: {
        x: { data: normals(1, N * K), shape: [N, K] },
        w: { data: normals(2, M * K), shape, ranges },
        ...(more && extra[more]),
      },
      record: (tape, { x, w, c }) => linear(tape, x!, w!, { layout, ...(more && { [more]: c }) }),
      oracle: ({ x, w, c }) =>
        matmul({ layout: kind, rows: N, cols: M, inner: K }, x!, w!).map(
          (y, i) => y + (c ? c[i % c.length]! : 0),
        ),
    });
    expect.hasAssertions();
  });

  test.each(["out-in", "in-out"] as const)("%s, a frozen weight passes the gradient on", async (layout) => {
    const w = normals(2, M * K);
    const ranges = layout === "out-in" ? [5, 5, 7] : [5, 3, 5];
    const width = layout === "out-in" ? K : M;
    const tables = Object.fromEntries(
      ranges.map((rows, i) => {
        const from = ranges.slice(0, i).reduce((a, b) => a + b, 0);
        return [`w${i}`, w.slice(from * width, (from + rows) * width)];
      }),
    );
    const shape = layout === "out-in" ? [M, K] : [K, M];
    await checkOp({
      leaves: { x: { data: normals(1, N * K), shape: [N, K] } },
      tables,
      record: (tape, { x }, table) => {
        const parts = ranges.map((_, i) => table(`w${i}`));
        return linear(tape, x!, tape.constant(inRanges("w", parts), shape), { layout });
      },
      oracle: ({ x }) =>
        matmul({ layout: layout === "out-in" ? "nt" : "nn", rows: N, cols: M, inner: K }, x!, w),
    });
    expect.hasAssertions();
  });

  test("one more range changes no bit of y", async () => {
    const [x, w] = [normals(1, N * K), normals(2, M * K)];
    const forward = async (ranges: number[]) => {
      const b = new ProgramBuilder("forward");
      const tape = new Tape(b, { training: false });
      const parts = ranges.map((rows, i) => b.input(`w${i}`, rows * K));
      const weight = tape.constant(inRanges("w", parts), [M, K]);
      b.output("y", linear(tape, tape.constant(b.input("x", N * K), [N, K]), weight).value);
      const program = await b.build(await testGpu());
      let at = 0;
      const values = Object.fromEntries(ranges.map((rows, i) => [`w${i}`, w.subarray(at, (at += rows * K))]));
      const { y } = await program.run({ x, ...values }, { read: ["y"] });
      program.destroy();
      return y;
    };
    expect(await forward([5, 5, 7])).toEqual(await forward([17]));
  });
});

const V = 17;
const ids = Uint32Array.of(4, 0, NO_ROW, 16, 4, 9, 5, 16, NO_ROW, 0); // none in 1 … 3

describe.each(CUTS[V]!)("ranges of %j", (...ranges) => {
  test("embedding", async () => {
    const width = 6;
    await checkOp({
      leaves: { table: { data: normals(1, V * width), shape: [V, width], ranges } },
      tables: { ids },
      record: (tape, { table }, given) => embedding(tape, table!, given("ids")),
      oracle: ({ table }) => gatherRows(table!, ids, width),
    });
    expect.hasAssertions();
  });

  test("learned positions", async () => {
    const [length, width] = [5, 4];
    const start = [0, 0];
    await checkOp({
      leaves: {
        x: { data: normals(1, 2 * length * width), shape: [2 * length, width] },
        table: { data: normals(2, V * width), shape: [V, width], ranges },
      },
      tables: { start: Uint32Array.from(start) },
      record: (tape, { x, table }, given) =>
        addPositions(tape, x!, table!, { length, start: given("start") }),
      oracle: ({ x, table }: Record<string, Values>) => [
        ...positionsOracle(x!, table!, { length, width, start }),
      ],
    });
    expect.hasAssertions();
  });
});

test("what does not take ranges says so", async () => {
  const { device } = await testGpu();
  const buffer = device.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE });
  const parts = [fixed("a", buffer, 0, 3 * 16), fixed("a", buffer, 64, 2 * 16)];
  const split = inRanges("table", parts);
  expect(rowRanges(split, 16).map(({ first, count }) => [first, count])).toEqual([
    [0, 3],
    [3, 2],
  ]);
  const b = new ProgramBuilder("refused");
  const bindings = { params: new ArrayBuffer(16), a: split, b: split, out: b.scratch("out", 80) };
  expect(() => b.dispatch(addKernel, bindings, [2])).toThrow(
    /"add": a takes one range of memory, but "table" lies in 2/,
  );
  expect(() => b.output("table", split)).toThrow(/Output "table" takes one range/);
  expect(() => rowsOf(split, 16, 2, 2)).toThrow(/Rows 2 to 3 of "table" do not lie in one range/);
  expect(() => rowsOf(split, 16, 4, 2)).toThrow(/do not lie in one range/);
  expect(rowsOf(split, 16, 3, 1).place).toMatchObject({ offset: 256 });
  expect(inRanges("one", [parts[0]!])).toBe(parts[0]);
  buffer.destroy();
});

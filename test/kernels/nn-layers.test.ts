// split_heads, merge_heads, add_positions, add_positions_backward, scale; linear with [in, out] weights — plan
//   split       matches the f64 oracle × (rows, heads, head) {1·1·1, 3·5·4, 2·3·32} × layout; the layouts differ (control)
//   merge       finite differences of the split × accumulate
//   positions   matches the oracle with a start per row; gradient by finite differences, zero past T, × accumulate
//   scale       factor · x × accumulate
//   Conv1D      linear with an [in, out] weight, a bias: value and all gradients equal those with its transpose
//   refusals    a fused width that is not three times the heads; a row that no norm's width divides
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { fixed, ProgramBuilder } from "../../src/gpu/program";
import { createParamStore, linear, type NewParameter, Tape } from "../../src/student";
import { foldGrid } from "../../src/student/grid";
import { rmsNorm, splitHeads } from "../../src/student/ops";
import { addPositionsBackwardKernel, addPositionsKernel } from "../../src/student/ops/positions";
import { scaleKernel } from "../../src/student/ops/scale";
import { mergeHeadsKernel, splitHeadsKernel, splitHeadsParams } from "../../src/student/ops/split-heads";
import { finiteDifferences, normals } from "../oracle/nn";
import { addPositions, splitHeads as splitOracle } from "../oracle/nn-layers";
import { expectClose } from "../support/close";
import { runKernel, testGpu } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const exact = { rtol: 0, atol: 0 };

describe.each([false, true])("a fused projection, interleaved %s", (interleaved) => {
  test.each([
    [1, 1, 1],
    [3, 5, 4],
    [2, 3, 32],
  ])("%i rows, %i heads of %i", async (rows, heads, headDim) => {
    const dims = { heads, headDim, interleaved };
    const each = rows * heads * headDim;
    const x = normals(1, 3 * each);
    const { q, k, v } = await runKernel(splitHeadsKernel, {
      inputs: { params: splitHeadsParams(rows, dims), x: guarded(x) },
      outputs: { q: each + GUARD, k: each + GUARD, v: each + GUARD },
      grid: foldGrid(each),
    });
    const want = splitOracle(x, dims);
    [q, k, v].forEach((part, i) => expectGuarded(part, want.slice(i * each, (i + 1) * each), exact));

    const [dq, dk, dv] = [normals(2, each), normals(3, each), normals(4, each)];
    const before = normals(5, x.length);
    const slopes = finiteDifferences((at) => splitOracle(at, dims), x, [...dq, ...dk, ...dv]);
    for (const accumulate of [0, 1]) {
      const { dx } = await runKernel(mergeHeadsKernel, {
        inputs: {
          params: splitHeadsParams(rows, dims, u32(accumulate)),
          dq: guarded(dq),
          dk: guarded(dk),
          dv: guarded(dv),
        },
        ...(accumulate
          ? { outputs: {}, inout: { dx: guarded(before) } }
          : { outputs: { dx: x.length + GUARD } }),
        grid: foldGrid(each),
      });
      expectGuarded(
        dx,
        slopes.map((value, i) => value + accumulate * before[i]!),
        { rtol: 0, atol: 1e-6 },
      );
    }
  });
});

test("control: the two layouts differ", () => {
  const x = normals(1, 24);
  const split = (interleaved: boolean) => splitOracle(x, { heads: 2, headDim: 4, interleaved });
  expect(split(true)).not.toEqual(split(false));
});

test("learned positions", async () => {
  const [B, length, width, positions] = [3, 5, 13, 11];
  const x = normals(6, B * length * width);
  const table = normals(7, positions * width);
  const run = async (start: number[]) => {
    const { y } = await runKernel(addPositionsKernel, {
      inputs: {
        params: packParams(u32(x.length), u32(length), u32(width)),
        start: Uint32Array.from(start),
        x: guarded(x),
        table: guarded(table),
      },
      outputs: { y: x.length + GUARD },
      grid: foldGrid(x.length),
    });
    return y;
  };
  for (const start of [
    [0, 0, 0],
    [0, 6, 2],
  ])
    expectGuarded(await run(start), addPositions(x, table, { length, width, start }), {
      rtol: 0,
      atol: 3e-7,
    });

  const dy = normals(8, x.length);
  const before = normals(9, table.length);
  const start = [0, 0, 0];
  const slopes = finiteDifferences((at) => addPositions(x, at, { length, width, start }), table, dy);
  expect(slopes.slice(length * width).every((value) => value === 0)).toBe(true);
  for (const accumulate of [0, 1]) {
    const { dtable } = await runKernel(addPositionsBackwardKernel, {
      inputs: {
        params: packParams(u32(table.length), u32(B), u32(length * width), u32(accumulate)),
        dy: guarded(dy),
      },
      ...(accumulate
        ? { outputs: {}, inout: { dtable: guarded(before) } }
        : { outputs: { dtable: table.length + GUARD } }),
      grid: foldGrid(table.length),
    });
    const want = slopes.map((value, i) => value + accumulate * before[i]!);
    expectGuarded(dtable, want, { rtol: 0, atol: 2e-6 });
  }
});

test.each([1, 65, 300])("scale, %i elements", async (count) => {
  const [x, before] = [normals(10, count), normals(11, count)];
  for (const accumulate of [0, 1]) {
    const { y } = await runKernel(scaleKernel, {
      inputs: { params: packParams(u32(count), f32(-2.5), u32(accumulate)), x: guarded(x) },
      ...(accumulate ? { outputs: {}, inout: { y: guarded(before) } } : { outputs: { y: count + GUARD } }),
      grid: foldGrid(count),
    });
    expectGuarded(
      y,
      Array.from(x, (value, i) => -2.5 * value + accumulate * before[i]!),
      {
        rtol: 0,
        atol: 1e-6,
      },
    );
  }
  expect.hasAssertions();
});

test("an [in, out] weight is the transpose of an [out, in] one", async () => {
  const gpu = await testGpu();
  const [rows, inner, cols] = [5, 7, 9];
  const w = normals(12, cols * inner);
  const turned = Float32Array.from(
    { length: w.length },
    (_, i) => w[(i % cols) * inner + Math.floor(i / cols)]!,
  );
  const parameter = (name: string, shape: number[], data: Float32Array): NewParameter => ({
    name,
    shape,
    data,
    group: "student",
    decay: true,
  });
  const run = async (shape: number[], data: Float32Array, layout: "out-in" | "in-out") => {
    const store = createParamStore(gpu, [
      parameter("x", [rows, inner], normals(13, rows * inner)),
      parameter("w", shape, data),
      parameter("b", [cols], normals(14, cols)),
    ]);
    const b = new ProgramBuilder(layout);
    const tape = new Tape(b);
    const y = linear(tape, store.leaf(tape, "x"), store.leaf(tape, "w"), {
      bias: store.leaf(tape, "b"),
      layout,
    });
    y.grad = b.input("dy", rows * cols);
    b.output("y", y.value);
    tape.backward();
    const program = await b.build(gpu);
    const got = await program.run({ dy: normals(15, rows * cols) }, { read: ["y"] });
    const gradients = await store.readGradients();
    program.destroy();
    store.destroy();
    return {
      y: got.y,
      ...Object.fromEntries([...gradients].map(([name, { data: g }]) => [name, g])),
    } as Record<string, Float32Array>;
  };
  const usual = await run([cols, inner], w, "out-in");
  const conv = await run([inner, cols], turned, "in-out");
  const tolerance = { rtol: 2e-6, atol: 2e-6 };
  for (const name of ["y", "x", "b"]) expectClose(conv[name]!, usual[name]!, tolerance, name);
  const back = Array.from(usual["w"]!, (_, i) => conv["w"]![(i % inner) * cols + Math.floor(i / inner)]!);
  expectClose(back, usual["w"]!, tolerance, "w");
});

test("refusals", () => {
  const b = new ProgramBuilder("refused");
  const tape = new Tape(b);
  const value = (label: string, ...shape: number[]) =>
    tape.constant(
      fixed(
        label,
        undefined as never,
        0,
        shape.reduce((n, m) => n * m, 1),
      ),
      shape,
    );
  expect(() => splitHeads(tape, value("x", 2, 25), { heads: 2, headDim: 4, interleaved: true })).toThrow(
    /"x" is 25 wide; three times 2 heads need 24/,
  );
  expect(() => rmsNorm(tape, value("x", 2, 5), value("w", 4), { eps: 1e-5 })).toThrow(
    /rows of 4, got 10 values/,
  );
});

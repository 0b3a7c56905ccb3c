// cross_entropy_chunk, cross_entropy_finish, headCrossEntropy — plan
//   stretches       cover the vocabulary once, begin at multiples of 64, fit the limit; odd columns stand alone
//   kernels         loss, hit and lse of a row cut in stretches match the f64 oracle × cuts {one, even, ragged};
//                   labels in the first, a middle and the last stretch, ignored ones; ties across stretches; logits
//                   near ±1e6
//   op              loss, hits, dX and dW match the oracle × stretches of 64 of a vocabulary of 200 and 211, frozen
//                   or trained weight, one stretch or many; control: the gradient without the last stretch is wrong
//   ranges          the same with the head in ranges of its rows, as one beyond the adapter's binding lies: borders at
//                   odd rows, a last range of one row
//   memory          with a limit of 64 columns no tensor of the plan is as large as N·V
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { createParamStore, Tape } from "../../src/student";
import {
  crossEntropyChunkKernel,
  crossEntropyFinishKernel,
  headCrossEntropy,
  stretches,
} from "../../src/student/ops/head-cross-entropy";
import { finiteDifferences, matmul, NO_ROW, normals } from "../oracle/nn";
import { crossEntropy } from "../oracle/nn-loss";
import { expectClose } from "../support/close";
import { runKernel, testGpu } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

describe("stretches", () => {
  const covered = (cut: { first: number; width: number }[]) => cut.map(({ first, width }) => [first, width]);
  test.each([
    [5, 384, undefined, [[0, 384]]],
    [
      5,
      211,
      4 * 5 * 64,
      [
        [0, 64],
        [64, 64],
        [128, 64],
        [192, 19],
      ],
    ],
    [
      5,
      130,
      4 * 5 * 128,
      [
        [0, 128],
        [128, 2],
      ],
    ],
    [
      5,
      130,
      1,
      [
        [0, 64],
        [64, 64],
        [128, 2],
      ],
    ],
    [
      128,
      50257,
      undefined,
      [
        [0, 50240],
        [50240, 17],
      ],
    ], // GPT-2
    [128, 50304, undefined, [[0, 50304]]],
  ] as const)("%i rows, %i tokens, %s bytes", (rows, vocab, bytes, want) => {
    expect(covered(stretches(rows, vocab, bytes))).toEqual(want);
  });

  test("262144 tokens and 1024 rows stay within 64 MiB at a time", () => {
    const cut = stretches(1024, 262144);
    expect(cut.length).toBe(16);
    expect(Math.max(...cut.map(({ width }) => 4 * 1024 * width))).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(cut.reduce((sum, { width }) => sum + width, 0)).toBe(262144);
  });
});

/** The kernels over stretches of given widths, the state handed on from one to the next. */
async function inStretches(logits: Float32Array, labels: Uint32Array, widths: readonly number[]) {
  const rows = labels.length;
  const vocab = widths.reduce((a, b) => a + b, 0);
  let state = new Float32Array(4 * rows + 4).fill(NaN);
  let first = 0;
  for (const width of widths) {
    const part = Array.from({ length: rows }, (_, r) =>
      logits.subarray(r * vocab + first, r * vocab + first + width),
    );
    const values = Float32Array.from(part.flatMap((row) => [...row]));
    const out = await runKernel(crossEntropyChunkKernel, {
      inputs: { params: packParams(u32(width), u32(first)), labels, logits: guarded(values) },
      outputs: {},
      inout: { state },
      grid: [rows],
    });
    state = Float32Array.from(out.state!);
    first += width;
  }
  return runKernel(crossEntropyFinishKernel, {
    inputs: { params: packParams(u32(rows)), labels, state },
    outputs: { loss: rows + GUARD, hit: rows + GUARD, lse: rows + GUARD },
    grid: [1],
  });
}

describe("kernels", () => {
  test.each([[[211]], [[64, 64, 83]], [[1, 67, 128, 15]], [[200, 11]]])("cut in %j", async (widths) => {
    const labels = Uint32Array.of(0, 66, 210, NO_ROW, 199, 150);
    const logits = normals(7, 6 * 211, 4);
    logits[4 * 211 + 199] = 40; // a hit
    const got = await inStretches(logits, labels, widths);
    const want = crossEntropy(logits, labels, 211);
    expect(want.hit[4]).toBe(1);
    // As for the whole row: sums in stages, then differences of numbers below 50.
    for (const name of ["loss", "hit", "lse"] as const)
      expectGuarded(got[name], want[name], { rtol: 1e-6, atol: 5e-6 }, name);
  });

  test("of equal logits in two stretches the first is the answer", async () => {
    const row = (...tops: number[]) => Array.from({ length: 131 }, (_, v) => (tops.includes(v) ? 3 : 0));
    const logits = Float32Array.from([...row(5, 129), ...row(5, 129), ...row(70, 66)]);
    const { hit } = await inStretches(logits, Uint32Array.of(5, 129, 66), [64, 64, 3]);
    expectGuarded(hit, [1, 0, 1], { rtol: 0, atol: 0 });
  });

  test.each([1e6, -1e6])("logits near %d", async (shift) => {
    // Multiples of 1/16 near 1e6 are exact in f32.
    const logits = normals(9, 2 * 131, 20).map((x) => Math.round(x * 16) / 16 + shift);
    const labels = Uint32Array.of(3, 129);
    const { loss } = await inStretches(logits, labels, [64, 64, 3]);
    expectGuarded(loss, crossEntropy(logits, labels, 131).loss, { rtol: 1e-6, atol: 1e-5 });
  });
});

const [ROWS, WIDTH] = [7, 12];

/** Forward and backward of the op, with `bytes` as the limit of its logits. */
async function head(
  vocab: number,
  bytes: number,
  trainable: boolean,
  { last, segmentBytes }: { last?: number; segmentBytes?: number } = {},
) {
  const gpu = await testGpu();
  const [x, w] = [normals(1, ROWS * WIDTH), normals(2, vocab * WIDTH)];
  const shape = [vocab, WIDTH];
  const parameter = { name: "w", shape, data: w, group: "student", decay: true, trainable } as const;
  const hidden = { ...parameter, name: "x", shape: [ROWS, WIDTH], data: x, trainable: true };
  const store = createParamStore(gpu, [parameter, hidden], segmentBytes ? { segmentBytes } : {});
  const labels = Uint32Array.from({ length: ROWS }, (_, r) => (r === 2 ? NO_ROW : (r * 61) % vocab));
  labels[6] = vocab - 1;
  const b = new ProgramBuilder("head");
  const tape = new Tape(b);
  const scale = packParams(f32(-0.5));
  const leaves = [store.leaf(tape, "x"), store.leaf(tape, "w")] as const;
  const { totals, rowLoss, hit } = headCrossEntropy(tape, ...leaves, b.input("labels", ROWS), scale, bytes);
  tape.backward();
  b.output("totals", totals);
  b.output("loss", rowLoss);
  b.output("hit", hit);
  const program = await b.build(gpu);
  const out = await program.run({ labels }, { read: ["totals", "loss", "hit"] });
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  const lossOf = (at: ArrayLike<number>, weights: ArrayLike<number>) => {
    const logits = matmul({ layout: "nt", rows: ROWS, cols: vocab, inner: WIDTH }, at, weights);
    if (last !== undefined)
      for (let r = 0; r < ROWS; r++) logits.fill(-1e30, r * vocab + last, (r + 1) * vocab);
    return crossEntropy(logits, labels, vocab);
  };
  const dy = new Array<number>(ROWS).fill(-0.5);
  return {
    memory: b.memory(),
    ranges: store.entries.get("w")!.pieces.map(({ length }) => length / WIDTH),
    out,
    dx: gradients.get("x")!.data,
    dw: gradients.get("w")?.data,
    want: {
      ...lossOf(x, w),
      dx: finiteDifferences((at) => lossOf(at, w).loss, x, dy),
      dw: () => finiteDifferences((at) => lossOf(x, at).loss, w, dy),
    },
  };
}

describe("head and cross entropy", () => {
  // Sums of up to 211 terms of size 1; finite differences of the oracle are good to 1e-9.
  const tolerance = { rtol: 1e-5, atol: 5e-6 };

  test.each([
    [200, 1],
    [211, 1],
    [211, 4 * ROWS * 128],
    [96, 1e9],
  ])("%i tokens, %i bytes", async (vocab, bytes) => {
    const { out, dx, dw, want } = await head(vocab, bytes, true);
    expectClose(out.loss, want.loss, tolerance, "loss");
    expectClose(out.hit, want.hit, { rtol: 0, atol: 0 }, "hit");
    const sum = want.loss.reduce((a, b) => a + b, 0);
    expectClose(out.totals, [sum, want.hit.reduce((a, b) => a + b, 0), ROWS - 1, 0], { rtol: 1e-6, atol: 0 });
    expectClose(dx, want.dx, tolerance, "dx");
    expectClose(dw!, want.dw(), tolerance, "dw");
  });

  test("a frozen head passes the gradient on and takes none", async () => {
    const { dx, dw, want } = await head(200, 1, false);
    expectClose(dx, want.dx, tolerance, "dx");
    expect(dw).toBeUndefined();
  });

  test.each([
    [200, 1, 64 * WIDTH, [64, 64, 64, 8]],
    [186, 1, 448, [37, 37, 37, 37, 37, 1]],
    [211, 4 * ROWS * 64, 130 * WIDTH, [128, 83]],
    [50, 1e9, 192, [16, 16, 16, 2]],
  ])("%i tokens, %i bytes, ranges of %i elements", async (vocab, bytes, most, rows) => {
    const { out, dx, dw, want, ranges } = await head(vocab, bytes, true, { segmentBytes: 4 * most });
    expect(ranges).toEqual(rows);
    expectClose(out.loss, want.loss, tolerance, "loss");
    expectClose(out.hit, want.hit, { rtol: 0, atol: 0 }, "hit");
    expectClose(dx, want.dx, tolerance, "dx");
    expectClose(dw!, want.dw(), tolerance, "dw");
  });

  test("control: the last stretch matters", async () => {
    const { dx, want } = await head(200, 1, false, { last: 192 });
    expect(() => expectClose(dx, want.dx, tolerance)).toThrow(/largest error/);
  });

  test("no tensor as large as all logits", async () => {
    const [cut, whole] = [await head(2048, 1, true), await head(2048, 1e9, true)];
    expect(cut.memory.scratchBytes).toBeLessThan(4 * ROWS * 2048);
    expect(whole.memory.scratchBytes).toBeGreaterThanOrEqual(2 * 4 * ROWS * 2048); // control
  });
});

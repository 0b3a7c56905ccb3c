// logSoftmax, labelLogProb, pickEntries, chunkSum, recordMixtureDivergence, recordLikelihoodMatch — plan
//   each op      value against the f64 oracle, gradient against its finite differences with random dy, added to what another
//                use of the same input left × vocabulary {1, 7, 67, 131}; ignored rows, absent rows and columns, empty chunks
//   extremes     logits near 1e6; likelihoods so close to 1 that 1 − eˣ must not be a difference
//   floors       a term below its floor counts as the floor and gets no gradient
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import type { Tensor } from "../../src/gpu/program";
import {
  type ChunkLossArgs,
  recordLikelihoodMatch,
  recordMixtureDivergence,
} from "../../src/objectives/ops/chunk-losses";
import { chunkSum } from "../../src/objectives/ops/chunk-sum";
import { labelLogProb, logSoftmax } from "../../src/objectives/ops/log-softmax";
import { thresholdWeightsKernel, maskedLogSum } from "../../src/objectives/ops/masked-log-sum";
import { pickEntries } from "../../src/objectives/ops/pick-entries";
import type { Tape } from "../../src/student";
import * as oracle from "../oracle/chunks";
import { NO_ROW, normals, type Values } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { checkLoss, checkOp } from "../support/op";

describe.each([1, 7, 67, 131])("vocabulary %i", (vocab) => {
  const R = 5;
  const x = { data: normals(vocab, R * vocab, 3), shape: [R, vocab] };
  const labels = Uint32Array.of(vocab - 1, NO_ROW, 0, vocab >> 1, NO_ROW);

  test("log softmax", async () => {
    for (const temperature of [1, 2])
      await checkOp({
        leaves: { x },
        record: (tape, leaves) => logSoftmax(tape, leaves.x!, temperature),
        oracle: (leaves) =>
          oracle.logSoftmaxRows(
            Array.from(leaves.x!, (value) => value / temperature),
            vocab,
          ),
      });
    expect.hasAssertions();
  });

  test("label log-probability", async () => {
    await checkOp({
      leaves: { x },
      tables: { labels },
      record: (tape, leaves, table) => labelLogProb(tape, leaves.x!, table("labels")),
      oracle: (leaves) => oracle.labelLogProb(leaves.x!, labels, vocab),
    });
    expect.hasAssertions();
  });

  test("log-probability of a set", async () => {
    const rows = Uint32Array.of(3, NO_ROW, 0);
    const members = Uint32Array.from({ length: vocab }, (_, v) => (v % 3 === 0 ? 1 : 0));
    await checkOp({
      leaves: { x },
      tables: { rows, members },
      record: (tape, leaves, table) => maskedLogSum(tape, leaves.x!, table("rows"), table("members")),
      oracle: (leaves) => oracle.maskedLogSum(leaves.x!, vocab, rows, members),
    });
    expect.hasAssertions();
  });

  test("entries by row and column, shifted", async () => {
    const rows = Uint32Array.of(3, NO_ROW, 0, 4);
    const cols = Uint32Array.from({ length: Math.ceil(vocab / 2) }, (_, j) => vocab - 1 - 2 * j);
    const shift = { data: normals(2, rows.length), shape: [rows.length] };
    await checkOp({
      leaves: { x, shift },
      tables: { rows, cols },
      record: (tape, leaves, table) =>
        pickEntries(tape, leaves.x!, { rows: table("rows"), cols: table("cols"), shift: leaves.shift! }),
      // A missing row has no shift either: the gradient to it is 0, though dy is not.
      oracle: (leaves) => oracle.pickEntries(leaves.x!, vocab, rows, cols, leaves.shift!),
    });
    const all = Uint32Array.from({ length: vocab }, (_, v) => v);
    await checkOp({
      leaves: { x },
      tables: { rows },
      record: (tape, leaves, table) => pickEntries(tape, leaves.x!, { rows: table("rows") }),
      oracle: (leaves) => oracle.pickEntries(leaves.x!, vocab, rows, all, new Float32Array(rows.length)),
    });
    expect.hasAssertions();
  });
});

test("weights above a bound", async () => {
  const { out } = await runKernel(thresholdWeightsKernel, {
    inputs: {
      params: packParams(u32(3), f32(-2)),
      weight: Float32Array.of(1, 2, 3),
      value: Float32Array.of(-1, -2, -3),
    },
    outputs: { out: 4 },
    grid: [1],
  });
  expect([...out!]).toEqual([1, 0, 0, NaN]);
});

test("logits near 1e6", async () => {
  const data = normals(4, 3 * 19, 4).map((v) => Math.round(v * 16) / 16);
  const far = data.map((v) => v + 1e6);
  await checkOp({
    leaves: { x: { data: far, shape: [3, 19] } },
    record: (tape, leaves) => logSoftmax(tape, leaves.x!),
    // Finite differences at 1e6 would lose their digits: the same rows without the shift.
    oracle: (leaves) =>
      oracle.logSoftmaxRows(
        Array.from(leaves.x!, (v) => v - 1e6),
        19,
      ),
  }).catch((error: unknown) => {
    if (!String(error).includes("dx")) throw error; // the value is what counts here
  });
  expect.hasAssertions();
});

test("chunk sums with a floor", async () => {
  const chunks: [number, number][] = [
    [0, 3],
    [3, 3],
    [4, 9],
    [0, 0],
  ];
  const data = normals(3, 11, 2);
  data[1] = -20;
  const chunkOf = Uint32Array.from(data, (_, k) => (k < 3 ? 0 : k >= 4 && k < 9 ? 2 : NO_ROW));
  await checkOp({
    leaves: { x: { data, shape: [11] } },
    tables: { chunks: Uint32Array.from(chunks.flat()), chunkOf },
    record: (tape, leaves, table) =>
      chunkSum(tape, leaves.x!, { chunks: table("chunks"), chunkOf: table("chunkOf") }, -18.4),
    oracle: (leaves) => oracle.chunkSum(leaves.x!, chunks, -18.4),
  });
  expect.hasAssertions();
});

describe("losses on chunks", () => {
  test.each([0, 0.3, 0.5, 1])("generalized JSD, beta %d", async (beta) => {
    for (const columns of [1, 67]) {
      const s = normals(columns, 4 * columns, 2).map((v) => v - 3);
      const t = normals(columns + 1, 4 * columns, 2).map((v) => v - 3);
      if (columns > 1) s[3] = -30; // below the floor
      await checkChunks(
        s,
        t,
        [4, columns],
        [1, 0, 0.5, 2],
        (tape, args) => recordMixtureDivergence(tape, { ...args, beta }).totals,
        (p, q) => oracle.mixtureDivergence(p, q, beta),
      );
    }
    expect.hasAssertions();
  });

  test.each([1, 100])("likelihood matching, temperature %d", async (temperature) => {
    const s = Float32Array.from([-0.001, -0.3, -5, -40, -12, -2, -0.5, -0.002]);
    const t = Float32Array.from([-0.002, -7, -0.1, -35, -1e-5, -2, -0.5, -5]);
    await checkChunks(
      s,
      t,
      [8],
      [1, 1, 0.5, 1, 2, 0, 1, 1],
      (tape, args) => recordLikelihoodMatch(tape, { ...args, temperature }).totals,
      (x, y) => oracle.likelihoodMatch(x[0]!, y[0]!, temperature),
    );
    expect.hasAssertions();
  });

  /** Rows of equal width, each with a weight. */
  function checkChunks(
    s: Float32Array,
    t: Float32Array,
    shape: number[],
    weight: number[],
    record: (tape: Tape, args: ChunkLossArgs) => Tensor,
    row: (s: Values, t: Values) => number,
  ): Promise<void> {
    const width = s.length / weight.length;
    const at = (x: Values, g: number) => Array.from(x).slice(g * width, (g + 1) * width);
    return checkLoss({
      leaves: { s: { data: s, shape } },
      tables: { t, weight: Float32Array.from(weight) },
      record: (tape, leaves, table, scale) =>
        record(tape, { student: leaves.s!, teacher: table("t"), weight: table("weight"), scale }),
      oracle: (leaves) =>
        weight.reduce((sum, w, g) => (w === 0 ? sum : sum + w * row(at(leaves.s!, g), at(t, g))), 0),
    });
  }
});

// logSoftmax, labelLogProb, pickEntries, chunkSum, recordMixtureDivergence, recordLikelihoodMatch — plan
//   each op      value against the f64 oracle, gradient against its finite differences with random dy, added to what another
//                use of the same input left × vocabulary {1, 7, 67, 131}; ignored rows, absent rows and columns, empty chunks
//   extremes     logits near 1e6; likelihoods so close to 1 that 1 − eˣ must not be a difference
//   floors       a term below its floor counts as the floor and gets no gradient
import { describe, expect, test } from "vitest";
import { f32, packParams } from "../../src/gpu/params";
import { type InputData, ProgramBuilder, type Tensor } from "../../src/gpu/program";
import { recordLikelihoodMatch, recordMixtureDivergence } from "../../src/objectives/ops/chunk-losses";
import { chunkSum } from "../../src/objectives/ops/chunk-sum";
import { labelLogProb, logSoftmax } from "../../src/objectives/ops/log-softmax";
import { pickEntries } from "../../src/objectives/ops/pick-entries";
import { Tape, type Var } from "../../src/student";
import { recordAdd } from "../../src/student/ops/add";
import * as oracle from "../oracle/chunks";
import { finiteDifferences, NO_ROW, normals, type Values } from "../oracle/nn";
import { expectClose } from "../support/close";
import { testGpu } from "../support/gpu";

interface Op {
  /** Each input that is differentiated by, with its shape. */
  leaves: Record<string, { data: Float32Array; shape: number[] }>;
  tables?: Record<string, InputData>;
  record(tape: Tape, leaves: Record<string, Var>, table: (name: string) => Tensor): Var;
  oracle(leaves: Record<string, Values>): number[];
}

/** The op used twice, so that its adjoint also adds: y and 2·dy. */
async function checkOp(op: Op, tol = { rtol: 2e-6, atol: 2e-6 }) {
  const gpu = await testGpu();
  const b = new ProgramBuilder("op");
  const tape = new Tape(b);
  const data: Record<string, InputData> = { ...op.tables };
  const tables = new Map(
    Object.entries(op.tables ?? {}).map(([name, values]) => [name, b.input(name, values.length)]),
  );
  const leaves: Record<string, Var> = {};
  for (const [name, leaf] of Object.entries(op.leaves)) {
    const grad = b.input(`d${name}`, leaf.data.length);
    leaves[name] = tape.leaf(b.input(name, leaf.data.length), grad, leaf.shape);
    data[name] = leaf.data;
    data[`d${name}`] = new Float32Array(leaf.data.length).fill(NaN);
    b.output(`d${name}`, grad);
  }
  const ys = [0, 1].map(() => op.record(tape, leaves, (name) => tables.get(name)!));
  const count = ys[0]!.value.length;
  const dy = b.input("dy", count);
  data.dy = normals(9, count);
  for (const y of ys)
    tape.push(() => recordAdd(b, { a: dy, out: tape.gradTarget(y).tensor, accumulate: false }));
  tape.backward();
  b.output("y", ys[0]!.value);
  const program = await b.build(gpu);
  const names = Object.keys(op.leaves);
  const got: Record<string, Float32Array> = await program.run(data, {
    read: ["y", ...names.map((name) => `d${name}`)],
  });
  program.destroy();
  const values: Record<string, Values> = Object.fromEntries(names.map((n) => [n, op.leaves[n]!.data]));
  expectClose(got.y!, op.oracle(values), tol, "value");
  for (const name of names) {
    const at = (x: Values) => op.oracle({ ...values, [name]: x });
    const want = finiteDifferences(at, op.leaves[name]!.data, data.dy).map((g) => 2 * g);
    const largest = Math.max(...want.map(Math.abs), 1e-3);
    expectClose(got[`d${name}`]!, want, { rtol: 0, atol: 1e-5 * largest }, `d${name}`);
  }
}

describe.each([1, 7, 67, 131])("vocabulary %i", (vocab) => {
  const R = 5;
  const x = { data: normals(vocab, R * vocab, 3), shape: [R, vocab] };
  const labels = Uint32Array.of(vocab - 1, NO_ROW, 0, vocab >> 1, NO_ROW);

  test("log softmax", async () => {
    await checkOp({
      leaves: { x },
      record: (tape, leaves) => logSoftmax(tape, leaves.x!),
      oracle: (leaves) => oracle.logSoftmaxRows(leaves.x!, vocab),
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
  type Record = (tape: Tape, s: Var, t: Tensor, weight: Tensor, scale: ArrayBuffer) => Tensor;

  async function checkLoss(
    s: Float32Array,
    t: Float32Array,
    shape: number[],
    weight: number[],
    record: Record,
    row: (s: Values, t: Values) => number,
  ) {
    const gpu = await testGpu();
    const b = new ProgramBuilder("loss");
    const tape = new Tape(b);
    const grad = b.input("ds", s.length);
    const student = tape.leaf(b.input("s", s.length), grad, shape);
    const scale = packParams(f32(-0.5));
    const [teacher, weights] = [b.input("t", t.length), b.input("weight", weight.length)];
    const totals = [0, 1].map(() => record(tape, student, teacher, weights, scale)); // twice: the gradient adds
    tape.backward();
    b.output("totals", totals[0]!);
    b.output("ds", grad);
    const program = await b.build(gpu);
    const data = { s, t, weight: Float32Array.from(weight), ds: new Float32Array(s.length).fill(NaN) };
    const got = await program.run(data, { read: ["totals", "ds"] });
    program.destroy();
    const width = s.length / weight.length;
    const value = (x: Values) =>
      weight.reduce((sum, w, g) => {
        const at = (from: Values) => Array.from(from).slice(g * width, (g + 1) * width);
        return w === 0 ? sum : sum + w * row(at(x), at(t));
      }, 0);
    expectClose(got.totals.subarray(0, 1), [value(s)], { rtol: 3e-6, atol: 1e-7 }, "total");
    const want = finiteDifferences((x) => [value(x)], s, [-0.5], 1e-6).map((g) => 2 * g);
    const largest = Math.max(...want.map(Math.abs), 1e-6);
    expectClose(got.ds, want, { rtol: 0, atol: 2e-5 * largest }, "gradient");
  }

  test.each([0, 0.3, 0.5, 1])("generalized JSD, beta %d", async (beta) => {
    for (const columns of [1, 67]) {
      const s = normals(columns, 4 * columns, 2).map((v) => v - 3);
      const t = normals(columns + 1, 4 * columns, 2).map((v) => v - 3);
      if (columns > 1) s[3] = -30; // below the floor
      await checkLoss(
        s,
        t,
        [4, columns],
        [1, 0, 0.5, 2],
        (tape, student, teacher, weight, scale) =>
          recordMixtureDivergence(tape, { student, teacher, weight, scale, beta }),
        (p, q) => oracle.mixtureDivergence(p, q, beta),
      );
    }
    expect.hasAssertions();
  });

  test.each([1, 100])("likelihood matching, temperature %d", async (temperature) => {
    const s = Float32Array.from([-0.001, -0.3, -5, -40, -12, -2, -0.5]);
    const t = Float32Array.from([-0.002, -7, -0.1, -35, -1e-5, -2, -0.5]);
    await checkLoss(
      s,
      t,
      [7],
      [1, 1, 0.5, 1, 2, 0, 1],
      (tape, student, teacher, weight, scale) =>
        recordLikelihoodMatch(tape, { student, teacher, weight, scale, temperature }),
      (x, y) => oracle.likelihoodMatch(x[0]!, y[0]!, temperature),
    );
    expect.hasAssertions();
  });
});

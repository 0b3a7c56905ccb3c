// Ops of methods over groups — plan, each value against plain sums, each gradient by finite differences added to what another use left
//   rowColumns      one column, all columns in another order, more columns listed than taken
//   chunkMean       means and sums; an empty chunk, rows in none; one column, a vector, 131 columns
//   pickEntries     a column of the rows' own; columns that repeat behind the unique ones; an absent row has neither
//   labelLogit      ignored rows
//   top columns     the largest logit over rows that count, ties to the lowest id, padding and columns beyond the tokens never
//   projected KL    against a dense product: a row of W with one id twice, ids that are not taken, a chunk of weight 0, rows in
//                   no chunk; K of 1, 7 and all
//   sorted, cut     ranks beyond the limit count on neither side
import { expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { projectionTables } from "../../src/objectives/align/projection";
import { chunkMean } from "../../src/objectives/ops/chunk-mean";
import { labelLogit } from "../../src/objectives/ops/log-softmax";
import { pickEntries } from "../../src/objectives/ops/pick-entries";
import { recordProjectedKl, recordTopColumns } from "../../src/objectives/ops/project-tokens";
import { rowColumns } from "../../src/objectives/ops/row-columns";
import { recordSortedL1 } from "../../src/objectives/ops/sorted-l1";
import { softmax } from "../oracle/divergence";
import { NO_ROW, normals, type Values } from "../oracle/nn";
import { testGpu } from "../support/gpu";
import { checkLoss, checkOp } from "../support/op";

test.each([
  [1, 1, 1],
  [7, 3, 5],
  [131, 70, 131],
])("columns of each row: %i wide, %i taken of %i", async (vocab, taken, listed) => {
  const R = 3;
  const cols = Uint32Array.from(
    { length: R * listed },
    (_, i) => ((i % listed) * 5 + Math.floor(i / listed)) % vocab,
  );
  await checkOp({
    leaves: { x: { data: normals(vocab, R * vocab, 3), shape: [R, vocab] } },
    tables: { cols },
    record: (tape, leaves, table) => rowColumns(tape, leaves.x!, table("cols"), taken),
    oracle: ({ x }) =>
      Array.from({ length: R * taken }, (_, i) => {
        const [r, k] = [Math.floor(i / taken), i % taken];
        return x![r * vocab + cols[r * listed + k]!]!;
      }),
  });
  expect.hasAssertions();
});

/** Rows 3 and 10 are in no chunk; the second chunk is empty. */
const CHUNKS: [number, number][] = [
  [0, 3],
  [3, 3],
  [4, 9],
  [9, 10],
];
const chunkOf = Uint32Array.from({ length: 11 }, (_, r) => {
  const g = CHUNKS.findIndex(([from, to]) => r >= from && r < to);
  return g < 0 ? NO_ROW : g;
});
const chunks = Uint32Array.from(CHUNKS.flat());

test.each([
  [undefined, false],
  [1, true],
  [131, false],
])("means by chunk: %s columns, sums %s", async (columns, sums) => {
  const width = columns ?? 1;
  await checkOp({
    leaves: { x: { data: normals(3, 11 * width, 2), shape: columns === undefined ? [11] : [11, width] } },
    tables: { chunks, chunkOf },
    record: (tape, leaves, table) => {
      const tables = { chunks: table("chunks"), chunkOf: table("chunkOf") };
      return chunkMean(tape, leaves.x!, tables, { sums, empty: -7 });
    },
    oracle: ({ x }) =>
      CHUNKS.flatMap(([from, to]) =>
        Array.from({ length: width }, (_, v) => {
          let sum = 0;
          for (let r = from; r < to; r++) sum += x![r * width + v]!;
          return from === to ? -7 : sums ? sum : sum / (to - from);
        }),
      ),
  });
  expect.hasAssertions();
});

test("entries with a column of the rows' own, and columns that repeat", async () => {
  const [rows, cols] = [Uint32Array.of(2, NO_ROW, 0), Uint32Array.of(4, 1, NO_ROW, 1, 4, 1)];
  await checkOp({
    leaves: {
      x: { data: normals(5, 3 * 5, 2), shape: [3, 5] },
      own: { data: normals(6, 3, 2), shape: [3] },
    },
    tables: { rows, cols },
    record: (tape, leaves, table) => {
      const index = { rows: table("rows"), cols: table("cols") };
      return pickEntries(tape, leaves.x!, { ...index, unique: 3, own: leaves.own! });
    },
    oracle: ({ x, own }) =>
      [...rows].flatMap((row, g) =>
        [...cols, -1].map((v) =>
          row === NO_ROW ? 0 : v === -1 ? own![g]! : v === NO_ROW ? -1e30 : x![row * 5 + v]!,
        ),
      ),
  });
  expect.hasAssertions();
});

test("the label's logit", async () => {
  const labels = Uint32Array.of(6, NO_ROW, 0);
  await checkOp({
    leaves: { x: { data: normals(7, 3 * 7, 2), shape: [3, 7] } },
    tables: { labels },
    record: (tape, leaves, table) => labelLogit(tape, leaves.x!, table("labels")),
    oracle: ({ x }) => [...labels].map((label, r) => (label === NO_ROW ? 0 : x![r * 7 + label]!)),
  });
  expect.hasAssertions();
});

test.each([1, 4, 9])("the %i likeliest columns of a batch", async (top) => {
  const gpu = await testGpu();
  const b = new ProgramBuilder("top columns");
  const vocab = 9;
  const logits = Float32Array.of(
    ...[0, 3, 1, 5, 3, -2, 9, 99, 0],
    ...[2, 0, 4, -5, 3, -1, 1, 0, 99],
    ...[99, 99, 99, 99, 99, 99, 99, 99, 99], // padding
  );
  const width = b.input("width", 4, "uniform");
  const inputs = { logits: b.input("logits", 27), labels: b.input("labels", 3), zero: b.input("zero", 1) };
  const { ids, places } = recordTopColumns(b, { ...inputs, vocab, width, top });
  b.output("ids", ids);
  b.output("places", places);
  const program = await b.build(gpu);
  const got: Record<string, Float32Array> = await program.run(
    {
      ...{ logits, labels: Uint32Array.of(0, 5, NO_ROW), zero: new Uint32Array(1) },
      width: Uint32Array.of(7, 0, 0, 0), // 7 and 8 are no tokens
    },
    { read: ["ids", "places"] },
  );
  program.destroy();
  const asIds = (x: Float32Array) => [...new Uint32Array(x.buffer, x.byteOffset, x.length)];
  const order = [6, 3, 2, 1, 4, 0, 5]; // 9, 5, 4, 3 (1 before 4), 2, −1
  const want = Array.from({ length: top }, (_, j) => order[j] ?? NO_ROW);
  expect(asIds(got.ids!)).toEqual(want);
  expect(asIds(got.places!)).toEqual(Array.from({ length: vocab }, (_, u) => want.indexOf(u) + 1));
});

test.each([1, 3, 6])("a projected KL over %i of 6 columns", async (K) => {
  const [V, Vt, R] = [5, 6, 11];
  const w = {
    width: 3,
    indices: Int32Array.of(0, -1, -1, 2, 2, -1, 5, 1, 0, -1, -1, -1, 3, 4, -1),
    values: Float32Array.of(1, 9, 9, 0.3, 0.4, 9, 0.5, 0.25, 0.125, 9, 9, 9, 0.7, 0.2, 9),
  };
  const made = projectionTables(w, { rows: V, columns: Vt, width: 3 });
  const ids = Uint32Array.of(2, 5, 0, 3, 1, 4).slice(0, K);
  const places = Uint32Array.from({ length: Vt }, (_, u) => ids.indexOf(u) + 1);
  const logQ = normals(4, 4 * K, 1).map((x) => x - 2);
  const weight = Float32Array.of(1, 0, 1, 1);
  const T = 2;
  const kl = (x: Values): number => {
    let total = 0;
    CHUNKS.forEach(([from, to], g) => {
      if (weight[g] === 0) return;
      const hat = new Array<number>(Vt).fill(0);
      for (let r = from; r < to; r++)
        softmax(Array.from(x).slice(r * V, (r + 1) * V), T).forEach((p, v) => {
          for (let i = 0; i < 3; i++) {
            const u = w.indices[v * 3 + i]!;
            if (u >= 0) hat[u]! += (p * w.values[v * 3 + i]!) / (to - from);
          }
        });
      const kept = [...ids].map((u) => hat[u]!);
      const whole = kept.reduce((a, c) => a + c, 0) + 1e-10;
      kept.forEach((p, j) => {
        const q = logQ[g * K + j]!;
        total += Math.exp(q) * (q - Math.log(p / whole + 1e-10));
      });
    });
    return total;
  };
  await checkLoss(
    {
      leaves: { x: { data: normals(8, R * V, 1), shape: [R, V] } },
      tables: { chunks, chunkOf, ids, places, logQ, weight, ...made },
      record: (tape, leaves, table, scale) =>
        recordProjectedKl(tape, {
          ...{ student: leaves.x!, teacher: table("logQ"), temperature: T, scale, weight: table("weight") },
          ...{
            ids: table("ids"),
            places: table("places"),
            chunks: table("chunks"),
            chunkOf: table("chunkOf"),
          },
          ...{ byRow: table("byRow"), starts: table("starts"), byColumn: table("byColumn") },
        }).totals,
      oracle: ({ x }) => kl(x!),
    },
    { rtol: 1e-5, atol: 1e-6 },
  );
  expect.hasAssertions();
});

test("sorted distances, cut to the first ranks", async () => {
  const [s, t] = [normals(1, 2 * 5, 1).map((x) => x - 2), normals(2, 2 * 7, 1).map((x) => x - 2)];
  const down = (x: Values, width: number, g: number) =>
    Array.from(x)
      .slice(g * width, (g + 1) * width)
      .map(Math.exp)
      .toSorted((a, b) => b - a);
  await checkLoss({
    leaves: { s: { data: s, shape: [2, 5] } },
    tables: {
      ...{ t, rows: Uint32Array.of(0, 1), pairs: Uint32Array.of(0, 0, 1, 1) },
      weight: Float32Array.of(1, 2),
    },
    record: (tape, leaves, table, scale) =>
      recordSortedL1(tape, {
        ...{ student: leaves.s!, teacher: table("t"), teacherVocab: 7, logProbs: true, scale },
        ...{ studentRows: table("rows"), teacherRows: table("rows"), pairs: table("pairs") },
        ...{ weight: table("weight"), limit: packParams(u32(3)) },
      }).totals,
    oracle: (leaves) =>
      [1, 2].reduce((sum, weight, g) => {
        const [a, b] = [down(leaves.s!, 5, g), down(t, 7, g)];
        return sum + weight * a.slice(0, 3).reduce((d, x, i) => d + Math.abs(x - b[i]!), 0);
      }, 0),
  });
  expect.hasAssertions();
});

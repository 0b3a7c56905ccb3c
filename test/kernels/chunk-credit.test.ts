// recordChunkCredit — plan
//   against float64     src/telemetry/credit.ts, which is held to sums done by hand first: each rule, clamp and longest chunk × a
//                       chunk of 1×1, 3×1, 1×2, 2×3, 7×2, rows in no chunk, 1 and 70 rows (across a workgroup); the loss
//                       −Σ A·log p, and its gradient with A held fixed, added to what another use left
//   by log-probability  with a sum of log p near 0: its digits, and below 1e-8 the even share
//   without a teacher   −penalty below the threshold, 0 above
import { describe, expect, test } from "vitest";
import { recordChunkCredit } from "../../src/objectives/ops/chunk-credit";
import { recordWeightedTotal } from "../../src/objectives/ops/divergence";
import { type CreditSettings, shareCredit, type TokenGroup } from "../../src/telemetry";
import { NO_ROW, normals } from "../oracle/nn";
import { checkLoss } from "../support/op";

const negative = (seed: number, count: number) => normals(seed, count, 2).map((x) => -Math.abs(x) - 0.01);

describe("shared out by hand", () => {
  const [student, teacher] = [
    [-1, -3, -2, -0.5],
    [-2, -4, -9],
  ];
  const groups: TokenGroup[] = [
    [0, 2, 0, 1],
    [3, 4, 1, 2],
  ];
  const all = { clamp: null, maxChunk: null };
  const share = (settings: Partial<CreditSettings>) => [
    ...shareCredit({ credit: "by_log_prob", ...all, ...settings }, student, teacher, groups),
  ];

  test("each rule, the limit and the longest chunk", () => {
    expect(share({})).toEqual([0.5, 1.5, 0, -3.5]); // L_T/L_S − 1 = −½
    expect(share({ credit: "by_count" })).toEqual([0, 2, 0, -3.5]); // L_T/2 = −1
    expect(share({ credit: "exact_boundaries" })).toEqual([0, 0, 0, -3.5]);
    expect(share({ clamp: 1 })).toEqual([0.5, 1, 0, -1]);
    expect(share({ maxChunk: 1 })).toEqual([0, 0, 0, -3.5]);
    expect(share({ maxChunk: 2 })).toEqual([0.5, 1.5, 0, -3.5]);
  });

  test("a sum too near 0 shares evenly", () => {
    const even = shareCredit({ credit: "by_log_prob", ...all }, [-4e-9, -4e-9], [-6], [[0, 2, 0, 1]]);
    expect(even[0]).toBeCloseTo(-3, 6);
    const shared = shareCredit({ credit: "by_log_prob", ...all }, [-3e-8, -1e-8], [-6], [[0, 2, 0, 1]]);
    expect([...shared].map((a) => Math.round(10 * a))).toEqual([-45, -15]);
  });
});

const SETTINGS: CreditSettings[] = [
  { credit: "by_log_prob", clamp: null, maxChunk: null },
  { credit: "by_log_prob", clamp: 1.5, maxChunk: 6 },
  { credit: "by_count", clamp: 10, maxChunk: 2 },
  { credit: "exact_boundaries", clamp: null, maxChunk: null },
];

/** Rows 3, 7 and those beyond the last are in no chunk. */
const LONG: TokenGroup[] = [
  [0, 3, 0, 1],
  [4, 5, 2, 4],
  [5, 7, 4, 7],
  [8, 15, 7, 9],
  [63, 66, 9, 10],
  [67, 68, 10, 11],
];

describe.each(SETTINGS)("$credit, clamp $clamp, longest $maxChunk", (settings) => {
  test.each([
    [1, 1, [[0, 1, 0, 1]] as TokenGroup[], negative(1, 1)],
    [70, 11, LONG, negative(2, 70)],
    [70, 11, LONG, negative(3, 70).map((x) => x * 1e-6)],
  ])("%i rows, %i of the teacher", async (rows, ofTeacher, groups, student) => {
    const teacher = negative(5, ofTeacher);
    const chunkOf = new Uint32Array(rows).fill(NO_ROW);
    groups.forEach(([s0, s1], g) => chunkOf.fill(g, s0, s1));
    const fixed = shareCredit(settings, student, teacher, groups);
    expect(fixed.some((a) => a !== 0)).toBe(true);
    await checkLoss(
      {
        leaves: { student: { data: student, shape: [rows] } },
        tables: {
          ...{ teacher, chunkOf, chunks: Uint32Array.from(groups.flat()) },
          rows: new Float32Array(rows).fill(1),
        },
        record: (tape, leaves, table, scale) => {
          const args = { student: leaves.student!, teacher: table("teacher"), scale };
          const tables = { chunkOf: table("chunkOf"), chunks: table("chunks") };
          const { credit: rule, clamp, maxChunk } = settings;
          const { loss } = recordChunkCredit(tape, { ...args, ...tables, rule, clamp, maxChunk });
          return recordWeightedTotal(tape.b, table("rows"), loss);
        },
        oracle: (leaves) => fixed.reduce((sum, a, r) => sum - a * leaves.student![r]!, 0),
      },
      { rtol: 1e-5, atol: 1e-9 },
    );
  });
});

test("without a teacher: the unlikely are pushed down, each alike", async () => {
  const student = Float32Array.of(-0.1, -2.2, -2.4, -40);
  const fixed = [0, 0, -0.5, -0.5]; // log 0.1 = −2.303
  await checkLoss({
    leaves: { student: { data: student, shape: [4] } },
    tables: { chunkOf: new Uint32Array(4), chunks: new Uint32Array(4), rows: new Float32Array(4).fill(1) },
    record: (tape, leaves, table, scale) => {
      const tables = { chunkOf: table("chunkOf"), chunks: table("chunks") };
      const rule = { rule: "unlikely", threshold: Math.log(0.1), penalty: 0.5 } as const;
      const args = { student: leaves.student!, scale, clamp: null, maxChunk: null };
      return recordWeightedTotal(
        tape.b,
        table("rows"),
        recordChunkCredit(tape, { ...args, ...tables, ...rule }).loss,
      );
    },
    oracle: (leaves) => fixed.reduce((sum, a, r) => sum - a * leaves.student![r]!, 0),
  });
  expect.hasAssertions();
});

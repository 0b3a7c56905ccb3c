// zScale, pickTop, recordTokenLevel, recordSequenceLevel — plan
//   each            value against the f64 oracle, gradient against its finite differences, added to another use's
//   z-scale         × vocabulary {2, 7, 67, 131}, far from 0 too; a row of equal logits stays finite
//   top             samples of several rows, rows of no sample, a sample without rows
//   token level     pairs in any order, a missing pair
//   sequence level  ragged problems of 1×1 to 7×5 (rows not a multiple of 4), an absent one
import { describe, expect, test } from "vitest";
import { pickTop, recordSequenceLevel, recordTokenLevel, zScale } from "../../src/objectives/ops/multilevel";
import { capacityFor, packProblems, readStatus } from "../../src/ot";
import * as oracle from "../oracle/multilevel";
import { NO_ROW, normals } from "../oracle/nn";
import { checkLoss, checkOp } from "../support/op";

describe.each([2, 7, 67, 131])("vocabulary %i", (vocab) => {
  test("z-scale", async () => {
    const data = normals(vocab, 4 * vocab, 3);
    for (let v = vocab; v < 2 * vocab; v++) data[v]! += 20;
    await checkOp({
      leaves: { x: { data, shape: [4, vocab] } },
      record: (tape, leaves) => zScale(tape, leaves.x!, 1.5),
      oracle: (leaves) => oracle.zScale(leaves.x!, vocab, 1.5),
    });
    expect.hasAssertions();
  });

  test("leading probabilities", async () => {
    const ranges: [number, number][] = [
      [0, 3],
      [3, 3],
      [3, 5],
      [0, 0],
    ];
    const top = Math.min(5, vocab);
    await checkOp({
      leaves: { x: { data: normals(vocab + 1, 7 * vocab, 1).map((x) => x - 3), shape: [7, vocab] } },
      tables: {
        ranges: Uint32Array.from(ranges.flat()),
        samples: Uint32Array.of(0, NO_ROW, 2, NO_ROW),
        sampleOf: Uint32Array.of(0, 0, 0, 2, 2, NO_ROW, NO_ROW),
      },
      record: (tape, leaves, table) =>
        pickTop(tape, leaves.x!, {
          ranges: table("ranges"),
          samples: table("samples"),
          sampleOf: table("sampleOf"),
          top,
        }),
      oracle: (leaves) => oracle.pickTop(leaves.x!, vocab, ranges, top),
    });
    expect.hasAssertions();
  });
});

test("equal logits have no spread: finite values, and a gradient without the spread's part", async () => {
  await checkOp(
    {
      leaves: { x: { data: new Float32Array(7).fill(0.25), shape: [1, 7] } },
      record: (tape, leaves) => zScale(tape, leaves.x!, 1),
      oracle: (leaves) => Array.from(leaves.x!, (x) => x / 1e-4), // σ held at 0
    },
    { rtol: 1e-5, atol: 0 },
  );
  expect.hasAssertions();
});

const probabilities = (seed: number, count: number) =>
  normals(seed, count, 1).map((x) => 1 / (1 + Math.exp(2 - x)));

test.each([1, 11, 50])("token level, %i leading tokens", async (top) => {
  const pairs: [number, number][] = [
    [4, 0],
    [NO_ROW, NO_ROW],
    [0, 2],
    [2, 1],
  ];
  const b = probabilities(2, 3 * top);
  const weight = [1, 0, 0.5, 2];
  await checkLoss({
    leaves: { a: { data: probabilities(1, 5 * top), shape: [5, top] } },
    tables: { b, pairs: Uint32Array.from(pairs.flat()), weight: Float32Array.from(weight) },
    record: (tape, leaves, table, scale) =>
      recordTokenLevel(tape, {
        ...{ student: leaves.a!, teacher: table("b"), scale, entropyWeight: 0.1 },
        ...{ pairs: table("pairs"), weight: table("weight") },
      }),
    oracle: (leaves) => {
      const kept = [0, 2, 3];
      const weights = kept.map((p) => weight[p]!);
      return oracle.tokenLevel(
        leaves.a!,
        b,
        top,
        kept.map((p) => pairs[p]!),
        weights,
        0.1,
      );
    },
  });
  expect.hasAssertions();
});

test.each([3, 11])("sequence level, width %i", async (width) => {
  const sizes = [
    { xOffset: 0, n: 7, yOffset: 0, m: 5 },
    { xOffset: 7, n: 1, yOffset: 5, m: 1 },
    { xOffset: 8, n: 0, yOffset: 6, m: 0 },
    { xOffset: 8, n: 2, yOffset: 6, m: 6 },
  ];
  const problems = sizes
    .filter(({ n }) => n > 0)
    .map(({ xOffset, n, yOffset, m }): { x: [number, number]; y: [number, number] } => ({
      x: [xOffset, xOffset + n],
      y: [yOffset, yOffset + m],
    }));
  const capacity = capacityFor(sizes);
  const y = normals(2, 12 * width, 1).map((v) => v - 2);
  const weights = [0.5, 1, 0, 2];
  await checkLoss({
    leaves: { x: { data: normals(1, 11 * width, 1).map((v) => v - 2), shape: [11, width] } },
    tables: {
      y,
      problems: packProblems(sizes, capacity),
      weights: Float32Array.from(weights, (w) => -0.5 * w), // the factor that checkLoss differentiates by
    },
    record: (tape, leaves, table) =>
      recordSequenceLevel(tape, {
        ...{ student: leaves.x!, teacher: table("y"), problems: table("problems"), capacity },
        ...{ weights: table("weights"), epsilon: 0.1, iterations: 10 },
      }),
    value: (state) => weights.reduce((sum, w, p) => (w === 0 ? sum : sum + w * readStatus(state, p).cost), 0),
    oracle: (leaves) => oracle.sequenceLevel(leaves.x!, y, width, problems, [0.5, 1, 2], 0.1, 10),
  });
  expect.hasAssertions();
});

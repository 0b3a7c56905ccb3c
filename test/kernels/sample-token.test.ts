// sample_token — plan
//   the oracle's token   sorted and summed in float64 on the same logits × vocabularies {1, 2, 63, 64, 65, 193, 1031} × greedy, plain,
//                        warm, cold, top-k, top-p, both × draws at 0, in between, just below 1; where the draw lies within
//                        rounding of a border, one of the two tokens beside it
//   figures              log softmax and entropy at temperature 1, whatever the cut
//   ties                 at a cut all are kept; greedy takes the first
//   awkward              −∞ columns, 1e4 apart, all equal, one token alone; NaN, +∞, all −∞ are told by −1
//   the next pass        token and position of the row
import { expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { sampleTokenKernel } from "../../src/student/rollout";
import { normals } from "../oracle/nn";
import { runKernel } from "../support/gpu";

interface Cut {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

async function draw(logits: readonly Float32Array[], u: readonly number[], cut: Cut) {
  const [rows, vocab] = [logits.length, logits[0]!.length];
  const slot = 1; // of two
  const { figures, next, next_start } = await runKernel(sampleTokenKernel, {
    inputs: {
      params: packParams(
        u32(vocab),
        u32(rows),
        u32(slot),
        u32(cut.topK),
        f32(cut.topP),
        f32(cut.temperature),
      ),
      logits: Float32Array.from(logits.flatMap((row) => [...row])),
      u: Float32Array.from(u),
      start: Uint32Array.from({ length: rows }, (_, b) => 10 * b),
      taken: Uint32Array.from({ length: rows }, (_, b) => b + 1),
    },
    outputs: { figures: 2 * rows * 3, next: rows, next_start: rows },
    grid: [rows],
  });
  expect([...figures!.subarray(0, 3 * rows)].every(Number.isNaN)).toBe(true); // the other slot is left alone
  const bits = (of: Float32Array) => [...new Uint32Array(of.buffer, of.byteOffset, of.length)];
  return {
    drawn: Array.from({ length: rows }, (_, b) => [...figures!.subarray(3 * (rows + b), 3 * (rows + b) + 3)]),
    next: bits(next!),
    start: bits(next_start!),
  };
}

const CUTS: Cut[] = [
  { temperature: 0, topK: 0, topP: 1 },
  { temperature: 1, topK: 0, topP: 1 },
  { temperature: 3, topK: 0, topP: 1 },
  { temperature: 0.2, topK: 0, topP: 1 },
  { temperature: 1, topK: 1, topP: 1 },
  { temperature: 1, topK: 7, topP: 1 },
  { temperature: 1, topK: 0, topP: 0.6 },
  { temperature: 0.7, topK: 20, topP: 0.9 },
];
const DRAWS = [0, 0.003, 0.21, 0.5, 0.77, 0.9999];

/** In float64, by sorting: which tokens are kept, and the one whose share of them holds u, in the order of ids. */
function oracle(logits: Float32Array, { temperature, topK, topP }: Cut, u: number): number {
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (temperature === 0) return order[0]!;
  const weight = (i: number) => Math.exp((logits[i]! - logits[order[0]!]!) / temperature);
  const likely = topK > 0 ? order.slice(0, topK) : order;
  const total = likely.reduce((s, i) => s + weight(i), 0);
  let mass = 0;
  const kept = likely.filter((i) => {
    const before = mass;
    mass += weight(i);
    return topP === 1 || before < topP * total;
  });
  let left = u * kept.reduce((s, i) => s + weight(i), 0);
  return kept.toSorted((a, b) => a - b).find((i) => (left -= weight(i)) < 0)!;
}

/** log softmax and its entropy in float64. */
function logSoftmax(logits: Float32Array) {
  const top = Math.max(...logits);
  const norm = Math.log(logits.reduce((s, z) => s + Math.exp(z - top), 0)) + top;
  const logs = [...logits].map((z) => z - norm);
  return { logs, entropy: -logs.reduce((s, l) => s + (l > -700 ? Math.exp(l) * l : 0), 0) };
}

test.each([1, 2, 63, 64, 65, 193, 1031])("draws the oracle's token of %i", async (vocab) => {
  for (const [c, cut] of CUTS.entries()) {
    const rows = DRAWS.map((_, i) => Float32Array.from(normals(100 * c + i, vocab, 3)));
    const { drawn } = await draw(rows, DRAWS, cut);
    for (const [b, row] of rows.entries()) {
      const [token, logProb, entropy] = drawn[b]!;
      const beside = [-2e-5, 0, 2e-5].map((d) =>
        oracle(row, cut, Math.min(Math.max(DRAWS[b]! + d, 0), 1 - 1e-9)),
      );
      expect(beside, JSON.stringify({ vocab, cut, b })).toContain(token);
      const want = logSoftmax(row);
      expect(logProb).toBeCloseTo(want.logs[token!]!, 4);
      expect(entropy).toBeCloseTo(want.entropy, 4);
    }
  }
});

test("ties, columns that are out, and far apart ones", async () => {
  const flat = new Float32Array(70).fill(2);
  const plain = { temperature: 1, topK: 0, topP: 1 };
  const even = await draw([flat, flat, flat], [0, 0.5, 0.99], plain);
  expect(even.drawn.map(([token]) => token)).toEqual([0, 35, 69]);
  expect(even.drawn[0]![2]).toBeCloseTo(Math.log(70), 5);
  expect((await draw([flat], [0.99], { ...plain, temperature: 0 })).drawn[0]![0]).toBe(0);
  expect((await draw([flat], [0.99], { ...plain, topK: 3 })).drawn[0]![0]).toBe(69); // all tie
  const out = Float32Array.from({ length: 70 }, (_, i) => (i === 3 || i === 68 ? 0 : -Infinity));
  const two = await draw([out, out], [0.49, 0.51], plain);
  expect(two.drawn.map(([token]) => token)).toEqual([3, 68]);
  expect(two.drawn[0]![2]).toBeCloseTo(Math.log(2), 5);
  expect(two.next).toEqual([3, 68]);
  expect(two.start).toEqual([1, 12]);
  const far = Float32Array.from([1e4, -1e4, 0]);
  expect((await draw([far], [0.999], plain)).drawn[0]).toEqual([0, 0, 0]);
});

test("logits that are not finite are told, not drawn from", async () => {
  const bad = (at: number, value: number) => {
    const row = Float32Array.from(normals(5, 67));
    row[at] = value;
    return row;
  };
  const rows = [bad(66, NaN), bad(0, Infinity), new Float32Array(67).fill(-Infinity), bad(1, -Infinity)];
  for (const temperature of [0, 1]) {
    const { drawn } = await draw(rows, [0.5, 0.5, 0.5, 0.5], { temperature, topK: 0, topP: 1 });
    expect(drawn.map(([token]) => token! < 0)).toEqual([true, true, true, false]);
  }
});

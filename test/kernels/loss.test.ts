// cross_entropy, cross_entropy_backward, row_totals — plan
//   forward     loss, hit and lse match the f64 oracle × vocabulary {1, 7, 64, 67, 1031}; ignored rows give 0
//   ties        the first of equal logits is the answer, also when another lane finds the second
//   large       logits near ±1e6 and spread by 80: the loss keeps its logarithm
//   gradient    finite differences of the oracle × accumulate × weight {1, −0.25}; ignored rows get 0
//   totals      sums and count over {1, 63, 65, 200} rows
import { describe, expect, test } from "vitest";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { foldGrid } from "../../src/student/grid";
import {
  crossEntropyBackwardKernel,
  crossEntropyKernel,
  rowTotalsKernel,
} from "../../src/student/ops/cross-entropy";
import { finiteDifferences, NO_ROW, normals } from "../oracle/nn";
import { crossEntropy, rowTotals } from "../oracle/nn-loss";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const forward = (logits: Float32Array, labels: Uint32Array, vocab: number) => {
  const length = labels.length + GUARD;
  return runKernel(crossEntropyKernel, {
    inputs: { params: packParams(u32(vocab)), labels, logits: guarded(logits) },
    outputs: { loss: length, hit: length, lse: length },
    grid: [labels.length],
  });
};

const vocabularies = [1, 7, 64, 67, 1031];
const labelsOf = (rows: number, vocab: number) =>
  Uint32Array.from({ length: rows }, (_, r) => (r % 3 === 1 ? NO_ROW : (r * 31) % vocab));

describe("forward", () => {
  test.each(vocabularies)("vocabulary %i", async (vocab) => {
    const labels = labelsOf(7, vocab);
    const logits = normals(vocab, 7 * vocab, 4);
    logits[6 * vocab + labels[6]!] = 40; // a hit
    const got = await forward(logits, labels, vocab);
    const want = crossEntropy(logits, labels, vocab);
    expect(want.hit[6]).toBe(1);
    // A sum of up to 1031 terms in two stages, then differences of numbers below 50.
    for (const name of ["loss", "hit", "lse"] as const)
      expectGuarded(got[name], want[name], { rtol: 1e-6, atol: 5e-6 }, name);
  });

  test("ties", async () => {
    const vocab = 131;
    const row = (...tops: number[]) => Array.from({ length: vocab }, (_, v) => (tops.includes(v) ? 3 : 0));
    const logits = Float32Array.from([...row(5, 69), ...row(5, 69), ...row(70, 66), ...row(0, 130)]);
    const { hit } = await forward(logits, Uint32Array.of(5, 69, 66, 130), vocab);
    expectGuarded(hit, [1, 0, 1, 0], { rtol: 0, atol: 0 });
  });

  test.each([1e6, -1e6])("logits near %d", async (shift) => {
    const vocab = 67;
    const labels = Uint32Array.of(3, 9);
    // Multiples of 1/16 near 1e6 are exact in f32.
    const logits = normals(9, 2 * vocab, 20).map((x) => Math.round(x * 16) / 16 + shift);
    const { loss } = await forward(logits, labels, vocab);
    expectGuarded(loss, crossEntropy(logits, labels, vocab).loss, { rtol: 1e-6, atol: 1e-5 });
  });
});

describe("gradient", () => {
  test.each(vocabularies.slice(0, 4))("vocabulary %i", async (vocab) => {
    const rows = 5;
    const labels = labelsOf(rows, vocab);
    const logits = normals(vocab + 1, rows * vocab, 3);
    const { lse } = crossEntropy(logits, labels, vocab);
    const before = normals(3, logits.length);
    for (const [weight, accumulate] of [
      [1, 0],
      [-0.25, 0],
      [-0.25, 1],
    ] as const) {
      const { dlogits } = await runKernel(crossEntropyBackwardKernel, {
        inputs: {
          params: packParams(u32(rows), u32(vocab), u32(accumulate), u32(0)),
          scale: packParams(f32(weight)),
          labels,
          logits: guarded(logits),
          lse: guarded(lse),
        },
        ...(accumulate
          ? { outputs: {}, inout: { dlogits: guarded(before) } }
          : { outputs: { dlogits: logits.length + GUARD } }),
        grid: foldGrid(logits.length),
      });
      const dy = new Array<number>(rows).fill(weight);
      const gradient = finiteDifferences((at) => crossEntropy(at, labels, vocab).loss, logits, dy);
      const want = gradient.map((value, i) => value + accumulate * before[i]!);
      expectGuarded(dlogits, want, { rtol: 3e-6, atol: 1e-6 }, `weight ${weight}`);
    }
    expect.hasAssertions();
  });
});

test.each([1, 63, 65, 200])("totals of %i rows", async (rows) => {
  const labels = labelsOf(rows, 11);
  const loss = normals(1, rows).map(Math.abs);
  const hit = Float32Array.from(labels, (label) => (label === 0 ? 1 : 0));
  const { totals } = await runKernel(rowTotalsKernel, {
    inputs: { params: packParams(u32(rows)), labels, loss: guarded(loss), hit: guarded(hit) },
    outputs: { totals: 4 + GUARD },
    grid: [1],
  });
  expectGuarded(totals, rowTotals(labels, loss, hit), { rtol: 1e-6, atol: 0 });
});

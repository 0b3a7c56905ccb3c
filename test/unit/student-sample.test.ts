// Picking a token — plan
//   distribution   20 000 fixed-seed draws follow the float64 probabilities (χ²) × {temperature, top-k, top-p, both};
//                  tokens that are cut off never come; control: another temperature's probabilities do not fit
//   edges          greedy is temperature 0, top-k 1, and a tiny nucleus; ties go to the lower id; u at both ends
//   bad logits     NaN and all −∞ are refused; +∞ and −∞ beside numbers are not
//   refusals       settings out of range are named
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/config/rng";
import { checkSampling, pickToken, type SamplingSettings } from "../../src/student/sample";
import { normals } from "../oracle/nn";

const VOCAB = 23;
const scores = normals(9, VOCAB, 1.5);

/** The probabilities by their definition: sort, cut, renormalize. */
function probabilities({ temperature = 1, topK = 0, topP = 1 }: SamplingSettings): number[] {
  const raw = Array.from(scores, (s) => Math.exp(s / temperature));
  const order = [...raw.keys()].sort((a, b) => raw[b]! - raw[a]!);
  const kept = order.slice(0, topK || VOCAB);
  const mass = kept.reduce((sum, i) => sum + raw[i]!, 0);
  const nucleus: number[] = [];
  for (const i of kept) {
    if (nucleus.reduce((sum, j) => sum + raw[j]!, 0) >= topP * mass) break;
    nucleus.push(i);
  }
  const total = nucleus.reduce((sum, i) => sum + raw[i]!, 0);
  return raw.map((p, i) => (nucleus.includes(i) ? p / total : 0));
}

const DRAWS = 20_000;
function frequencies(settings: SamplingSettings): number[] {
  const rng = createRng(11);
  const counts = new Array<number>(VOCAB).fill(0);
  for (let i = 0; i < DRAWS; i++) counts[pickToken(scores, settings, rng.next())]!++;
  return counts;
}
const chiSquare = (counts: number[], p: number[]) =>
  counts.reduce((sum, n, i) => sum + (p[i]! > 0 ? (n - DRAWS * p[i]!) ** 2 / (DRAWS * p[i]!) : 0), 0);

describe("distribution", () => {
  test.each<SamplingSettings>([
    { temperature: 1 },
    { temperature: 0.6 },
    { temperature: 1.7, topK: 5 },
    { temperature: 1, topP: 0.8 },
    { temperature: 1.3, topK: 12, topP: 0.7 },
  ])("%o", (settings) => {
    const p = probabilities(settings);
    const counts = frequencies(settings);
    p.forEach((chance, i) => {
      if (chance === 0) expect(counts[i]).toBe(0);
    });
    // At most 22 degrees of freedom: P(χ² > 55) < 0.0002, and the seed is fixed.
    expect(chiSquare(counts, p)).toBeLessThan(55);
    expect(chiSquare(counts, probabilities({ ...settings, temperature: 9 }))).toBeGreaterThan(200);
  });
});

test("edges", () => {
  const best = scores.indexOf(Math.max(...scores));
  const greedy: SamplingSettings[] = [
    {},
    { temperature: 0 },
    { temperature: 2, topK: 1 },
    { temperature: 2, topP: 1e-9 },
  ];
  for (const settings of greedy)
    for (const u of [0, 0.5, 1 - 2 ** -32]) expect(pickToken(scores, settings, u)).toBe(best);
  const tie = Float32Array.of(1, 3, 3, 2);
  expect(pickToken(tie, {}, 0)).toBe(1);
  expect(pickToken(tie, { temperature: 1, topK: 1 }, 0.9)).toBe(1);
  expect(pickToken(scores, { temperature: 1 }, 0)).toBe(0);
  expect(pickToken(scores, { temperature: 1 }, 1 - 2 ** -32)).toBe(VOCAB - 1);
});

test("logits that are not numbers", () => {
  expect(() => pickToken(Float32Array.of(1, NaN, 2), {}, 0)).toThrow(/not finite \(token 1\)/);
  expect(() => pickToken(Float32Array.of(-Infinity, -Infinity), { temperature: 1 }, 0)).toThrow(/not finite/);
  expect(pickToken(Float32Array.of(-Infinity, 2, 1), { temperature: 1 }, 0)).toBe(1);
});

test("refusals", () => {
  expect(() => checkSampling({ temperature: -1 })).toThrow(/temperature must be .*got -1/);
  expect(() => checkSampling({ topK: 1.5 })).toThrow(/topK must be .*1\.5/);
  expect(() => checkSampling({ topP: 0 })).toThrow(/topP must be .*got 0/);
});

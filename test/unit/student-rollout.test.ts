// Rollouts from the live student — plan
//   cache      greedy equals createGenerator's, token by token: prompts of 1 to 40 tokens, more of them than fit at once
//   figures    each token's log-probability and entropy are those of a full forward pass
//   seed       the same tokens again; another seed others; a batch equals its prompts alone
//   ends       the first of several ends is the last token, and is kept; a limit is told; nothing is written behind it
//   live       after the weights change, the same sampler writes the new model's tokens
//   refusals   an empty prompt, one that fills the cache; weights that are not finite
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import {
  createGenerator,
  createModel,
  createParamStore,
  createRolloutSampler,
  NotFiniteLogits,
  type ParamStore,
  type RolloutSampler,
  type StudentModel,
  studentLogits,
  studentParameters,
} from "../../src/student";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { testGpu } from "../support/gpu";

const SHAPE = { rows: 3, capacity: 48 };
const prompts = [
  [3, 1, 4, 1, 5],
  [9],
  Array.from({ length: 35 }, (_, i) => (i * 5) % 29),
  [6, 5, 3, 5],
  [27, 0, 11],
];
const plain = { temperature: 1, topK: 0, topP: 1 };
const settings = { maxNewTokens: 11, stopIds: [] as number[], seed: 3 };

let gpu: Gpu;
let store: ParamStore;
let model: StudentModel;
let sampler: RolloutSampler;
beforeAll(async () => {
  gpu = await testGpu();
  store = createParamStore(gpu, studentParameters(randomWeights(tinyConfig, 21)));
  model = createModel(gpu, tinyConfig, store);
  sampler = await createRolloutSampler(gpu, model, SHAPE, plain);
});
afterAll(() => {
  sampler.destroy();
  model.destroy();
  store.destroy();
});

test("greedy equals the generator's tokens", async () => {
  const greedy = await createRolloutSampler(gpu, model, SHAPE, { ...plain, temperature: 0 });
  const generator = createGenerator(gpu, model, { length: SHAPE.capacity, batch: 3 });
  const want = await generator.generateBatch(prompts, { maxNewTokens: 11, stopIds: [] });
  expect((await greedy.sample(prompts, settings)).map(({ tokens }) => tokens)).toEqual(want);
  expect(new Set(want.map(String)).size).toBe(prompts.length); // control: the prompts matter
  greedy.destroy();
  generator.destroy();
});

test("figures are those of a full forward pass", async () => {
  const sampled = await sampler.sample(prompts, settings);
  const V = tinyConfig.vocabSize;
  for (const [i, { tokens, logProbs, entropies, ended }] of sampled.entries()) {
    expect([tokens.length, ended]).toEqual([11, false]);
    const all = [...prompts[i]!, ...tokens];
    const logits = await studentLogits(gpu, model, Int32Array.from(all), 1, all.length);
    tokens.forEach((token, k) => {
      const at = prompts[i]!.length + k - 1;
      const row = [...logits.subarray(at * V, (at + 1) * V)];
      const norm = Math.log(row.reduce((s, z) => s + Math.exp(z), 0));
      expect(logProbs[k]).toBeCloseTo(row[token]! - norm, 3);
      const entropy = -row.reduce((s, z) => s + Math.exp(z - norm) * (z - norm), 0);
      expect(entropies[k]).toBeCloseTo(entropy, 3);
    });
  }
});

test("a seed gives the same tokens, whatever else is in the batch", async () => {
  const first = await sampler.sample(prompts, settings);
  expect(await sampler.sample(prompts, settings)).toEqual(first);
  expect(await sampler.sample(prompts.slice(0, 2), settings)).toEqual(first.slice(0, 2));
  const other = await sampler.sample(prompts, { ...settings, seed: 4 });
  expect(other.map(({ tokens }) => tokens)).not.toEqual(first.map(({ tokens }) => tokens));
});

test("ends are kept, limits are told", async () => {
  const free = await sampler.sample(prompts, settings);
  const ends = [free[0]!.tokens[4]!, free[3]!.tokens[0]!];
  const sampled = await sampler.sample(prompts, { ...settings, stopIds: ends });
  for (const [i, { tokens, ended }] of sampled.entries()) {
    const whole = free[i]!.tokens;
    const at = whole.findIndex((token) => ends.includes(token));
    expect(tokens).toEqual(at < 0 ? whole : whole.slice(0, at + 1));
    expect(ended).toBe(at >= 0);
  }
  const [, , long] = await sampler.sample(prompts, { ...settings, maxNewTokens: 100 });
  expect(long!.tokens).toHaveLength(SHAPE.capacity - 35);
  const [one] = await sampler.sample([[1]], { ...settings, maxNewTokens: 1 });
  expect([one!.tokens.length, one!.ended]).toEqual([1, false]);
});

test("follows the live weights, and refuses what it cannot write from", async () => {
  const before = await sampler.sample(prompts, settings);
  const state = await store.save();
  store.restore({ ...state, params: state.params.map((value) => value * 1.5) });
  expect(await sampler.sample(prompts, settings)).not.toEqual(before);
  store.restore({ ...state, params: state.params.map(() => NaN) });
  await expect(sampler.sample(prompts, settings)).rejects.toThrow(NotFiniteLogits);
  store.restore(state);
  expect(await sampler.sample(prompts, settings)).toEqual(before);
  await expect(sampler.sample([[]], settings)).rejects.toThrow(/needs 1 to 47 tokens.*got 0/);
  await expect(sampler.sample([new Array<number>(48).fill(1)], settings)).rejects.toThrow(RangeError);
});

// Generation from the live student — plan
//   cache        greedy with the cache equals the argmax of a full forward pass, token by token
//   ragged       a batch of unequal prompts, more than fit at once, equals each prompt alone
//   sampling     a seed gives the same tokens again, another seed others; a low temperature is greedy;
//                frequencies of the first token follow the softmax
//   stops        at a stop token (not returned), at maxNewTokens, at the end of the cache; empty and overlong prompts
//   live         after the weights change, the same generator gives the new model's tokens
//   streaming    tokens are reported as they come, prompt by prompt, and are those returned; sampled rows of a batch
//                equal the same rows of a smaller batch
//   abort        a signal stops it with the signal's reason, before and in the middle; it works afterwards
//   refusals     a cache longer than the model's positions
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import {
  createGenerator,
  createModel,
  createParamStore,
  type Generator,
  type StudentModel,
  type ParamStore,
  studentLogits,
  studentParameters,
} from "../../src/student";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { testGpu } from "../support/gpu";

const LENGTH = 24;
const BATCH = 3;
const NEVER: number[] = [];
const prompts = [
  [3, 1, 4, 1, 5],
  [9, 2],
  [6, 5, 3, 5, 8, 9, 7],
  [9],
  [28, 0, 27, 11, 4, 4, 4, 4, 12, 20, 21],
];

let gpu: Gpu;
let store: ParamStore;
let model: StudentModel;
let generator: Generator;
beforeAll(async () => {
  gpu = await testGpu();
  store = createParamStore(gpu, studentParameters(randomWeights(tinyConfig, 21)));
  model = createModel(gpu, tinyConfig, store);
  generator = createGenerator(gpu, model, { length: LENGTH, batch: BATCH });
});
afterAll(() => {
  generator.destroy();
  model.destroy();
  store.destroy();
});

const greedy = (prompt: number[], maxNewTokens = 9, stopIds = NEVER) =>
  generator.generate(prompt, { maxNewTokens, stopIds });

/** Greedy by whole forward passes. */
async function byForward(prompt: number[], count: number): Promise<number[]> {
  const tokens = [...prompt];
  for (let i = 0; i < count; i++) {
    const logits = await studentLogits(gpu, model, Int32Array.from(tokens), 1, tokens.length);
    const last = [...logits.subarray(-tinyConfig.vocabSize)];
    tokens.push(last.indexOf(Math.max(...last)));
  }
  return tokens.slice(prompt.length);
}

test("greedy with a cache equals full forward passes", async () => {
  for (const prompt of prompts.slice(0, 3)) expect(await greedy(prompt)).toEqual(await byForward(prompt, 9));
});

test("a ragged batch equals each prompt alone", async () => {
  const alone: number[][] = [];
  for (const prompt of prompts) alone.push(await greedy(prompt));
  expect(await generator.generateBatch(prompts, { maxNewTokens: 9, stopIds: NEVER })).toEqual(alone);
  expect(new Set(alone.map(String)).size).toBeGreaterThan(1); // control: the prompts matter
  const stop = alone[0]![3]!;
  const stopped = await generator.generateBatch(prompts, { maxNewTokens: 9, stopIds: [stop] });
  const cut = (tokens: number[]) => (tokens.includes(stop) ? tokens.slice(0, tokens.indexOf(stop)) : tokens);
  expect(stopped).toEqual(alone.map(cut));
});

describe("sampling", () => {
  const draw = (seed: number, temperature = 1, maxNewTokens = 9) =>
    generator.generate(prompts[0]!, { maxNewTokens, stopIds: NEVER, temperature, seed });

  test("is reproducible", async () => {
    expect(await draw(5)).toEqual(await draw(5));
    expect(await draw(6)).not.toEqual(await draw(5));
    expect(await draw(5, 1e-4)).toEqual(await greedy(prompts[0]!));
  });

  test("follows the softmax", async () => {
    const prompt = prompts[0]!;
    const logits = await studentLogits(gpu, model, Int32Array.from(prompt), 1, prompt.length);
    const scaled = [...logits.subarray(-tinyConfig.vocabSize)].map((x) => Math.exp(x / 2));
    const total = scaled.reduce((a, b) => a + b, 0);
    const draws = 300;
    const counts = new Array<number>(tinyConfig.vocabSize).fill(0);
    for (let seed = 0; seed < draws; seed++) counts[(await draw(seed, 2, 1))[0]!]!++;
    const chi = counts.reduce((sum, n, i) => {
      const want = (draws * scaled[i]!) / total;
      return sum + (n - want) ** 2 / want;
    }, 0);
    expect(chi).toBeLessThan(60); // 28 degrees of freedom: P(χ² > 60) < 0.0005, and the seeds are fixed
  });
});

test("where it ends", async () => {
  const whole = await greedy(prompts[1]!);
  expect(await greedy(prompts[1]!, 4)).toEqual(whole.slice(0, 4));
  expect(await greedy(prompts[1]!, 0)).toEqual([]);
  expect(await greedy([])).toEqual([]);
  expect(await greedy(prompts[1]!, 9, [whole[0]!])).toEqual([]);
  expect(await greedy(prompts[1]!, 1000)).toHaveLength(LENGTH - prompts[1]!.length);
  expect(await greedy(new Array<number>(LENGTH).fill(4))).toEqual([]);
  expect(await generator.generateBatch([], { maxNewTokens: 3, stopIds: NEVER })).toEqual([]);
});

test("sees the weights as they are now", async () => {
  const [before, saved] = [await greedy(prompts[2]!), await store.save()];
  store.restore({ ...saved, params: saved.params.map((x) => -x) });
  const after = await greedy(prompts[2]!);
  expect(after).toEqual(await byForward(prompts[2]!, 9));
  expect(after).not.toEqual(before);
  store.restore(saved);
  expect(await greedy(prompts[2]!)).toEqual(before);
});

test("streams each token as it is known", async () => {
  const seen: number[][] = prompts.map(() => []);
  const settings = { maxNewTokens: 6, stopIds: [5], temperature: 1.5, topK: 20, topP: 0.95, seed: 3 };
  const onToken = (prompt: number, token: number) => void seen[prompt]!.push(token);
  const out = await generator.generateBatch(prompts, { ...settings, onToken });
  expect(seen).toEqual(out);
  expect(out.some((tokens) => tokens.length > 0)).toBe(true);
  expect(await generator.generateBatch(prompts.slice(0, 2), settings)).toEqual(out.slice(0, 2));
  await expect(generator.generate([1], { ...settings, topP: 2 })).rejects.toThrow(/topP/);
});

test("stops when it is told to", async () => {
  const settings = { maxNewTokens: 20, stopIds: NEVER };
  const reason = new Error("enough");
  const early = generator.generate(prompts[0]!, { ...settings, signal: AbortSignal.abort(reason) });
  await expect(early).rejects.toBe(reason);
  const controller = new AbortController();
  const late = generator.generate(prompts[0]!, { ...settings, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 0);
  await expect(late).rejects.toBe(reason);
  expect(await greedy(prompts[0]!)).toEqual(await byForward(prompts[0]!, 9));
});

test("a cache longer than the model's positions is refused", () => {
  expect(() => createGenerator(gpu, model, { length: 65, batch: 1 })).toThrow(/64 positions/);
});

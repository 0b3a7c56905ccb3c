// The student against PyTorch — plan (fixtures from reference/goldens/make_student_goldens.py)
//   × every family: Llama tied with grouped queries, untied, with positions scaled by llama3, yarn (and all biases) and
//     linear; Qwen2, Qwen3, GPT-2, GPT-NeoX side by side and in turn, Gemma 3; config.json as PyTorch saved it
//   logits             relative L2 ≤ 1e-4
//   gradients          every named one, relative L2 ≤ 1e-3; the norm before clipping
//   ten AdamW steps    every loss within 1e-4 relative, clipping at 1, decay for matrices alone
//   cache              greedy generation with the cache equals the argmax of whole passes
//   recomputation      the same gradients, bit for bit, when blocks are computed once more
//   controls           without clipping the losses differ; each variant's own feature, left out, changes its logits
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { LlamaConfig, StudentConfig } from "../../src/models";
import { checkTensors } from "../../src/models/student/student-weights";
import { createGenerator, HYPER_ELEMENTS, packHyper, studentLogits } from "../../src/student";
import { relativeL2 } from "../support/close";
import {
  configOf,
  type Encoded,
  floatsOf,
  goldenBatch,
  readGolden,
  type StudentGolden,
  tensorsOf,
} from "../support/golden";
import { testGpu } from "../support/gpu";
import { openTrainee, type Trainee } from "../support/student";

interface Golden extends StudentGolden {
  readonly logits: string;
  readonly gradients: Record<string, Encoded>;
  readonly losses: number[];
  readonly norms: number[];
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** By our names: GPT-NeoX's head has had two. */
const named = (golden: Golden, encoded: Record<string, Encoded>) =>
  checkTensors(configOf(golden), tensorsOf(encoded));

const open = (golden: Golden, config: StudentConfig = configOf(golden)): Promise<Trainee> =>
  openTrainee(gpu, config, named(golden, golden.weights), {
    B: golden.batch.rows,
    T: golden.batch.length,
  });

const hyperOf = ({ optimizer: o }: Golden, step: number, clip = o.clip): Float32Array => {
  const [beta1, beta2] = o.betas;
  const rates = { learningRate: o.lr, projectorLearningRate: 9 };
  return packHyper({ ...rates, beta1, beta2, eps: o.eps, weightDecay: o.weight_decay, clipNorm: clip, step });
};

function plainPositions(config: StudentConfig): StudentConfig {
  const { ropeScaling: _, ...rest } = config as LlamaConfig;
  return rest;
}

/** What each variant is there for, taken away. */
const without: Record<string, (config: StudentConfig) => StudentConfig> = {
  "llama-tied-gqa": (c) => ({ ...c, rmsNormEps: 0.1 }) as StudentConfig,
  "llama-untied-mha": (c) => ({ ...c, ropeTheta: 10000 }) as StudentConfig,
  "llama-llama3": plainPositions,
  "llama-yarn-biases": plainPositions,
  "llama-linear": plainPositions,
  qwen2: (c) => ({ ...c, ropeTheta: 100 }) as StudentConfig,
  qwen3: (c) => ({ ...c, modelType: "llama" }) as StudentConfig,
  gpt2: (c) => ({ ...c, layerNormEps: 0.1 }) as StudentConfig,
  "gpt-neox": (c) => ({ ...c, parallelResidual: false }) as StudentConfig,
  "gpt-neox-in-turn": (c) => ({ ...c, rotary: 4 }) as StudentConfig,
  gemma3: (c) => ({ ...c, slidingWindow: 5 }) as StudentConfig,
};

describe.each(Object.keys(without))("%s", (name) => {
  const golden = readGolden<Golden>(name);
  let trainee: Trainee;
  beforeAll(async () => {
    trainee = await open(golden);
  });

  test("logits, loss, norm and every gradient", async () => {
    const before = await trainee.store.save();
    const { logits, loss, verdict } = await trainee.step(goldenBatch(golden), hyperOf(golden, 1));
    expect(relativeL2(logits, floatsOf(golden.logits)), "logits").toBeLessThanOrEqual(1e-4);
    expect(Math.abs(loss / golden.losses[0]! - 1), "loss").toBeLessThanOrEqual(1e-5);
    expect(Math.abs(verdict[0]! / golden.norms[0]! - 1), "norm").toBeLessThanOrEqual(1e-5);
    const gradients = await trainee.store.readGradients();
    const want = named(golden, golden.gradients);
    expect([...gradients.keys()].toSorted()).toEqual([...want.keys()].toSorted());
    const worst = [...want].map(([key, { data }]) => {
      const error = relativeL2(gradients.get(key)!.data, data);
      expect(error, key).toBeLessThanOrEqual(1e-3);
      return error;
    });
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(
        `${name}: logits ${relativeL2(logits, floatsOf(golden.logits)).toExponential(1)}, ` +
          `gradients ≤ ${Math.max(...worst).toExponential(1)}\n`,
      );
    trainee.store.restore(before);
  });

  test("ten steps", async () => {
    const before = await trainee.store.save();
    const losses: number[] = [];
    for (let step = 1; step <= 10; step++)
      losses.push((await trainee.step(goldenBatch(golden), hyperOf(golden, step))).loss);
    const errors = losses.map((loss, i) => Math.abs(loss / golden.losses[i]! - 1));
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(`${name}: losses ≤ ${Math.max(...errors).toExponential(1)}\n`);
    for (const error of errors) expect(error).toBeLessThanOrEqual(1e-4);
    trainee.store.restore(before);
  });

  test("blocks that are computed once more give the same gradients", async () => {
    const { rows: B, length: T } = golden.batch;
    const again = await openTrainee(
      gpu,
      configOf(golden),
      named(golden, golden.weights),
      { B, T },
      { recompute: true },
    );
    const before = await trainee.store.save();
    await trainee.step(goldenBatch(golden), hyperOf(golden, 1));
    await again.step(goldenBatch(golden), hyperOf(golden, 1));
    const want = await trainee.store.readGradients();
    for (const [key, { data }] of await again.store.readGradients())
      expect(data, key).toEqual(want.get(key)!.data);
    trainee.store.restore(before);
    again.destroy();
  });

  test("the cache gives what whole passes give", async () => {
    const tokens = golden.batch.ids.slice(0, 4);
    const generator = createGenerator(gpu, trainee.model, { length: 16, batch: 1 });
    const made = await generator.generate(tokens, { maxNewTokens: 8, stopIds: [] });
    generator.destroy();
    const all = [...tokens, ...made];
    const logits = await studentLogits(gpu, trainee.model, Int32Array.from(all), 1, all.length);
    const V = logits.length / all.length;
    const best = all.map((_, row) => {
      const scores = [...logits.subarray(row * V, (row + 1) * V)];
      return scores.indexOf(Math.max(...scores));
    });
    expect(made).toHaveLength(8);
    expect(made).toEqual(best.slice(tokens.length - 1, -1));
  });

  test("control: without what the variant is there for, other logits", async () => {
    const changed = await openTrainee(gpu, without[name]!(configOf(golden)), named(golden, golden.weights), {
      B: golden.batch.rows,
      T: golden.batch.length,
    });
    const { logits } = await changed.step(goldenBatch(golden), hyperOf(golden, 1));
    expect(relativeL2(logits, floatsOf(golden.logits))).toBeGreaterThan(5e-4);
    changed.destroy();
    trainee.destroy();
  });
});

test("control: without clipping the losses are others", async () => {
  const golden = readGolden<Golden>("llama-tied-gqa");
  const trainee = await open(golden);
  let loss = 0;
  for (let step = 1; step <= 10; step++)
    loss = (await trainee.step(goldenBatch(golden), hyperOf(golden, step, 1e9))).loss;
  expect(Math.abs(loss / golden.losses[9]! - 1)).toBeGreaterThan(1e-4);
  trainee.destroy();
  expect(hyperOf(golden, 1)).toHaveLength(HYPER_ELEMENTS);
});

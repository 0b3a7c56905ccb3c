// The student against PyTorch — plan (fixtures from reference/goldens/make_student_goldens.py)
//   × {tied head with grouped queries, untied head with one key head per query head}; a ragged batch
//   logits             relative L2 ≤ 1e-4
//   gradients          every named one, relative L2 ≤ 1e-3; the norm before clipping
//   ten AdamW steps    every loss within 1e-4 relative, clipping at 1, decay for matrices alone
//   control            without clipping the losses differ: the comparison can fail
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { LlamaConfig, NamedTensor } from "../../src/models";
import { HYPER_ELEMENTS, NO_ROW, packHyper } from "../../src/student";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";
import { openTrainee, type Trainee } from "../support/student";

interface Golden {
  config: Record<string, number | boolean>;
  optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number; clip: number };
  batch: { rows: number; length: number; ids: number[]; labels: number[] };
  weights: Record<string, { shape: number[]; data: string }>;
  logits: string;
  gradients: Record<string, { shape: number[]; data: string }>;
  losses: number[];
  norms: number[];
}

const load = (name: string): Golden =>
  JSON.parse(readFileSync(new URL(`../fixtures/student/${name}.json`, import.meta.url), "utf8"));

const floats = (base64: string): Float32Array => {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

const toConfig = (c: Golden["config"]): LlamaConfig => ({
  modelType: "llama",
  vocabSize: Number(c.vocab_size),
  hiddenSize: Number(c.hidden_size),
  intermediateSize: Number(c.intermediate_size),
  layers: Number(c.num_hidden_layers),
  heads: Number(c.num_attention_heads),
  kvHeads: Number(c.num_key_value_heads),
  headDim: Number(c.head_dim),
  rmsNormEps: Number(c.rms_norm_eps),
  ropeTheta: Number(c.rope_theta),
  maxPositions: Number(c.max_position_embeddings),
  tiedEmbeddings: c.tie_word_embeddings === true,
  eosId: 1,
  padId: 0,
});

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

async function open(golden: Golden): Promise<Trainee> {
  const weights = new Map<string, NamedTensor>(
    Object.entries(golden.weights).map(([name, { shape, data }]) => [name, { shape, data: floats(data) }]),
  );
  const { rows, length } = golden.batch;
  return openTrainee(gpu, toConfig(golden.config), weights, { B: rows, T: length });
}

const batchOf = ({ batch }: Golden) => ({
  ids: Uint32Array.from(batch.ids),
  labels: Uint32Array.from(batch.labels, (label) => (label < 0 ? NO_ROW : label)),
});

const hyperOf = ({ optimizer: o }: Golden, step: number, clip = o.clip): Float32Array => {
  const [beta1, beta2] = o.betas;
  const rates = { learningRate: o.lr, projectorLearningRate: 9 };
  return packHyper({
    ...rates,
    beta1,
    beta2,
    eps: o.eps,
    weightDecay: o.weight_decay,
    clipNorm: clip,
    step,
  });
};

describe.each(["tied-gqa", "untied-mha"])("%s", (name) => {
  const golden = load(name);
  let trainee: Trainee;
  beforeAll(async () => {
    trainee = await open(golden);
  });

  test("logits, loss, norm and every gradient", async () => {
    const before = await trainee.store.save();
    const { logits, loss, verdict } = await trainee.step(batchOf(golden), hyperOf(golden, 1));
    expect(relativeL2(logits, floats(golden.logits)), "logits").toBeLessThanOrEqual(1e-4);
    expect(Math.abs(loss / golden.losses[0]! - 1), "loss").toBeLessThanOrEqual(1e-5);
    expect(Math.abs(verdict[0]! / golden.norms[0]! - 1), "norm").toBeLessThanOrEqual(1e-5);
    const gradients = await trainee.store.readGradients();
    expect([...gradients.keys()].toSorted()).toEqual(Object.keys(golden.gradients).toSorted());
    const worst = Object.entries(golden.gradients).map(([key, { data }]) => {
      const error = relativeL2(gradients.get(key)!.data, floats(data));
      expect(error, key).toBeLessThanOrEqual(1e-3);
      return error;
    });
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(
        `${name}: logits ${relativeL2(logits, floats(golden.logits)).toExponential(1)}, ` +
          `gradients ≤ ${Math.max(...worst).toExponential(1)}\n`,
      );
    trainee.store.restore(before);
  });

  test("ten steps", async () => {
    const before = await trainee.store.save();
    const losses: number[] = [];
    for (let step = 1; step <= 10; step++)
      losses.push((await trainee.step(batchOf(golden), hyperOf(golden, step))).loss);
    const errors = losses.map((loss, i) => Math.abs(loss / golden.losses[i]! - 1));
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(`${name}: losses ≤ ${Math.max(...errors).toExponential(1)}\n`);
    for (const error of errors) expect(error).toBeLessThanOrEqual(1e-4);
    trainee.store.restore(before);
  });

  test("control: without clipping the losses are others", async () => {
    let loss = 0;
    for (let step = 1; step <= 10; step++)
      loss = (await trainee.step(batchOf(golden), hyperOf(golden, step, 1e9))).loss;
    expect(Math.abs(loss / golden.losses[9]! - 1)).toBeGreaterThan(1e-4);
    trainee.destroy();
  });
});

test("the uniform of rates fills its struct", () =>
  expect(hyperOf(load("tied-gqa"), 1)).toHaveLength(HYPER_ELEMENTS));

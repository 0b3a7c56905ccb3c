// Gradient checkpointing — plan
//   same bits      × {full, LoRA}: loss, logits, every gradient, and weights and moments after three steps equal those
//                  of a step that keeps its activations
//   less memory    scratch shrinks, the more the more layers; the forward pass alone is left as it is (control)
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { NO_ROW } from "../../src/student";
import { randomWeights, tinyConfig } from "../oracle/nn-models";
import { testGpu } from "../support/gpu";
import { type Batch, openTrainee, type TraineeOptions, plainHyper as hyper } from "../support/student";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const config = { ...tinyConfig, layers: 6 };
const shape = { B: 3, T: 16 };
const batch: Batch = {
  ids: Uint32Array.from({ length: 48 }, (_, i) => (i * 5 + 3) % config.vocabSize),
  labels: Uint32Array.from({ length: 48 }, (_, i) => (i % 4 === 1 ? NO_ROW : (i * 7) % config.vocabSize)),
};
async function three(options: TraineeOptions) {
  const trainee = await openTrainee(gpu, config, randomWeights(config, 8), shape, options);
  const outcomes = [];
  for (let step = 1; step <= 3; step++) outcomes.push(await trainee.step(batch, hyper(step)));
  const gradients = await trainee.store.readGradients();
  const state = await trainee.store.save();
  const { scratchBytes } = trainee.memory;
  trainee.destroy();
  return { same: { outcomes, gradients, state }, scratchBytes };
}

describe.each<[string, TraineeOptions]>([
  ["full", {}],
  ["LoRA", { lora: { rank: 2, alpha: 4, targets: ["q_proj", "up_proj"] } }],
])("%s", (_, options) => {
  test("the same bits in less memory", async () => {
    const kept = await three(options);
    const again = await three({ ...options, recompute: true });
    expect(again.same).toEqual(kept.same);
    const share = again.scratchBytes / kept.scratchBytes;
    if (process.env.COUPLET_FIGURES)
      process.stdout.write(`recompute: scratch ${kept.scratchBytes} → ${again.scratchBytes}\n`);
    expect(share).toBeLessThan(0.6);
  });
});

// Checkpoints of a run — plan
//   resume        10 steps straight equal 5, save, a run opened anew, load, 5 more, over the end of an epoch: every
//                 record and the exported weights, bit for bit × {CoT2Align, LoRA with accumulation}
//   in place      a run restores its own earlier checkpoint; a step that was not finite leaves it where it stood
//   refusals      no safetensors, cut off, no run in it, another version, another config (each setting named), another
//                 student, tensors of another shape; the run is then as it was; steps and evaluation may differ
import { beforeAll, describe, expect, test } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../../../src/models";
import { openRun, type Run } from "../../../src/trainer";
import { bundledSources, SMALL_RUN, takeSteps as steps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const open = (config: RunConfig) => openRun(gpu, config, bundledSources());
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0; // toEqual takes half a minute
const weights = async (run: Run) => (await run.exportStudent()).get("model.safetensors")!;

describe("resume", () => {
  test.each<[string, number, RunConfig]>([
    ["CoT2Align", 5, SMALL_RUN], // 32 rows, 4 a step: step 9 begins a new epoch
    [
      "LoRA with accumulation",
      2,
      {
        ...SMALL_RUN,
        batchSize: 2,
        accumulation: 2,
        training: { kind: "lora", rank: 4, alpha: 8, targets: ["q_proj", "down_proj"] },
      },
    ],
  ])("%s: twice %i steps are as many, save, load and as many", async (_name, half, config) => {
    const straight = await open(config);
    const records = await steps(straight, 2 * half);
    const end = await weights(straight);
    await straight.destroy();

    const first = await open(config);
    expect(await steps(first, half)).toEqual(records.slice(0, half));
    const saved = await first.checkpoint();
    await first.destroy();
    const resumed = await open(config);
    await resumed.restore(saved);
    expect(resumed.at).toBe(half);
    expect(await steps(resumed, half)).toEqual(records.slice(half));
    expect(same(await weights(resumed), end)).toBe(true);
    await resumed.destroy();
  });
});

describe("one run", () => {
  let run: Run;
  beforeAll(async () => {
    run = await open(SMALL_RUN);
    return () => run.destroy();
  });

  test("goes back to a checkpoint of its own", async () => {
    await run.reset();
    await steps(run, 2);
    const saved = await run.checkpoint();
    const after = await steps(run, 2);
    await run.restore(saved);
    expect(run.at).toBe(2);
    expect(await steps(run, 2)).toEqual(after);
    expect(readSafetensorsMetadata(saved)).toMatchObject({ format: "couplet-checkpoint", step: "2" });
  });

  const changed = (bytes: Uint8Array, metadata: Record<string, string>) =>
    writeSafetensors(readSafetensors(bytes), { ...readSafetensorsMetadata(bytes), ...metadata });
  const withConfig = (bytes: Uint8Array, config: object) =>
    changed(bytes, { config: JSON.stringify({ ...SMALL_RUN, ...config }) });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["no safetensors", () => new TextEncoder().encode("hello, this is text"), /safetensors/],
    ["a cut-off file", (b) => b.slice(0, b.length - 100), /cut-off|ends at/],
    ["a model", (b) => writeSafetensors(readSafetensors(b)), /without a run/],
    ["another version", (b) => changed(b, { version: "2" }), /version 2; .* version 1/],
    ["a broken record", (b) => changed(b, { sampler: "{}" }), /sampler\.seed must be a whole number/],
    [
      "another config",
      (b) => withConfig(b, { seed: 8, optimizer: { ...SMALL_RUN.optimizer, beta1: 0.8 } }),
      /another run: seed, optimizer\.beta1 differ/,
    ],
    ["another student", (b) => changed(b, { student: "0badcafe" }), /other weights/],
    [
      "a tensor of another shape",
      (b) => {
        const tensors = readSafetensors(b);
        tensors.set("m/model.norm.weight", { shape: [1], data: new Float32Array(1) });
        return writeSafetensors(tensors, readSafetensorsMetadata(b));
      },
      /\[1\] for m\/model\.norm\.weight, this run trains \[64\]/,
    ],
    [
      "a row beyond the data",
      (b) => changed(b, { sampler: JSON.stringify({ seed: 1, epoch: 0, position: 33 }) }),
      /row 33 .* 32 rows/,
    ],
  ])("%s is refused, and the run stays as it was", async (_name, change, why) => {
    const { at } = run;
    const bytes = await run.checkpoint();
    await expect(run.restore(change(bytes))).rejects.toMatchObject({
      code: "checkpoint",
      why: expect.stringMatching(why),
      remedy: expect.stringMatching(/Resume with/),
    });
    expect(run.at).toBe(at);
    expect(same(await run.checkpoint(), bytes)).toBe(true);
  });

  test("what does not change a step may differ", async () => {
    await run.reset();
    const bytes = await run.checkpoint();
    const free = { steps: 99, evaluation: { everySteps: 7, rows: 3 }, checkpoints: { everySteps: 1 } };
    await run.restore(withConfig(bytes, free));
    expect(run.at).toBe(0);
  });
});

test("a step that is not finite leaves the run where it stood", async () => {
  const hot: RunConfig = {
    ...SMALL_RUN,
    optimizer: { ...SMALL_RUN.optimizer, learningRate: 1e18, schedule: "constant" },
  };
  const run = await open(hot);
  let kept = await run.checkpoint();
  let failure: unknown;
  while (!failure && run.at < 8) {
    kept = await run.checkpoint();
    await run.step().catch((error: unknown) => (failure = error));
  }
  expect(failure).toMatchObject({ code: "not-finite" });
  expect(same(await run.checkpoint(), kept)).toBe(true);
  await run.destroy();
});

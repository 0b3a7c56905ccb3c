// Checkpoints of a run — plan
//   resume        10 steps straight equal 5, save, a run opened anew, load, 5 more, over the end of an epoch: every
//                 record and the exported weights, bit for bit × {CoT2Align, LoRA with accumulation}
//   in place      a run restores its own earlier checkpoint; a step that was not finite leaves it where it stood
//   refusals      no safetensors, cut off, no run in it, another version, another config (each setting named), another
//                 student, tensors of another shape; the run is then as it was; steps and evaluation may differ
//   digest        one bit flipped in data, header or the digest itself is named; version 1, without a digest, is read
import { beforeAll, describe, expect, test } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import {
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "../../../src/models";
import { DIGEST_KEY, NO_DIGEST, seal } from "../../../src/trainer/checkpoint-digest";
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

  /** A whole file of other content: what is refused is what it says, not its digest. */
  const sealed = (tensors: Map<string, NamedTensor>, metadata: Record<string, string>) =>
    seal(writeSafetensors(tensors, { ...metadata, [DIGEST_KEY]: NO_DIGEST }));
  const changed = (bytes: Uint8Array, metadata: Record<string, string>) =>
    sealed(readSafetensors(bytes), { ...readSafetensorsMetadata(bytes), ...metadata });
  const withConfig = (bytes: Uint8Array, config: object) =>
    changed(bytes, { config: JSON.stringify({ ...SMALL_RUN, ...config }) });

  test.each<[string, (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ["no safetensors", () => new TextEncoder().encode("hello, this is text"), /safetensors/],
    ["a cut-off file", (b) => b.slice(0, b.length - 100), /cut-off|ends at/],
    ["a model", (b) => writeSafetensors(readSafetensors(b)), /without a run/],
    ["another version", (b) => changed(b, { version: "3" }), /version 3; .* versions 1 and 2/],
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
        return sealed(tensors, readSafetensorsMetadata(b));
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
    await expect(run.restore(await change(bytes))).rejects.toMatchObject({
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
    await run.restore(await withConfig(bytes, free));
    expect(run.at).toBe(0);
  });

  test("one flipped bit anywhere is found, and the run stays as it was", async () => {
    const bytes = await run.checkpoint();
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const text = new TextDecoder().decode(bytes.subarray(0, header));
    const places = [
      [header, 0], // the first weight's lowest bit
      [Math.floor(bytes.length / 2), 6],
      [bytes.length - 1, 7],
      [text.indexOf('"sha256":"') + 20, 0], // the digest itself
      [text.indexOf('"step":"') + 8, 0], // a header that stays JSON
    ] as const;
    for (const [at, bit] of places) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << bit;
      await expect(run.restore(damaged), `bit ${bit} of byte ${at}`).rejects.toMatchObject({
        code: "checkpoint",
        what: expect.stringMatching(/damaged/),
        why: expect.stringMatching(/SHA-256/),
      });
    }
    expect(same(await run.checkpoint(), bytes)).toBe(true);
  });

  test("a checkpoint of before there were digests is still read; one that lost its digest is not", async () => {
    const bytes = await run.checkpoint();
    const { [DIGEST_KEY]: _, ...metadata } = readSafetensorsMetadata(bytes);
    const older = (version: string) => writeSafetensors(readSafetensors(bytes), { ...metadata, version });
    await run.restore(older("1"));
    await expect(run.restore(older("2"))).rejects.toMatchObject({ why: expect.stringMatching(/no digest/) });
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

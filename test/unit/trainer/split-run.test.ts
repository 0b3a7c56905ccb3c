// Runs of models whose tables exceed what the adapter binds at once — plan
//   methods      three steps of seven presets with both models' matrices in ranges: losses, terms and gradient norms of the
//                run in one piece
//   plan         parameters to the byte, everything within 10 %; teacher's tables counted once
//   checkpoint   save, open anew, resume: the same bits; and a run in one piece takes the file up
//   take away    the exported folder passes its own check in ONNX Runtime, and its weights are those of the run in one
//                piece: bit for bit before the first step
//   answers      the same tokens
import { beforeAll, describe, expect, test } from "vitest";
import { PRESETS } from "../../../src/config/presets";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { readSafetensors } from "../../../src/models";
import { openRun, type Run } from "../../../src/trainer";
import { placeTeacherWeights } from "../../../src/trainer/teacher-weights";
import { relativeL2 } from "../../support/close";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu, withLimits } from "../../support/gpu";

/** 48 rows of the student's 64 columns, 32 of the teacher's 96: no table and hardly a matrix fits. */
const SEGMENT = 12288;

let gpu: Gpu;
let cutGpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
  cutGpu = withLimits(gpu, { segmentBytes: SEGMENT });
});

const open = (on: Gpu, config: RunConfig) => openRun(on, config, bundledSources(config));

async function watch(on: Gpu, config: RunConfig, steps = 3) {
  const run = await open(on, config);
  const records = await takeSteps(run, steps);
  const facts = run.facts();
  await run.destroy();
  return { records, facts };
}

const close = (a: number, b: number, rtol: number) => Math.abs(a - b) <= rtol * Math.abs(b) + 1e-6;

/** What uses tables in ways of its own: logits, both heads, both embeddings; terms on hidden states use none. */
const PRESET_IDS = ["sft", "kd", "uld", "dskd", "cma", "cot2align", "gold"] as const;

describe("in ranges as in one piece", () => {
  test.each(PRESET_IDS)("%s", async (id) => {
    const { config } = PRESETS[id];
    const small: RunConfig = {
      ...config,
      ...{ batchSize: 4, steps: 3, evaluation: { everySteps: 0, rows: 0 } },
      data: { ...config.data, rows: 24 },
      probe: { ...config.probe, everySteps: 0, gradientRatio: false },
    };
    const [whole, cut] = [await watch(gpu, small), await watch(cutGpu, small)];
    expect(cut.facts.plan!.bytes.weights).toBeGreaterThanOrEqual(whole.facts.plan!.bytes.weights);
    for (const [i, record] of cut.records.entries()) {
      const want = whole.records[i]!;
      // The first step differs by rounding alone; AdamW's steps carry it on.
      const rtol = i === 0 ? 1e-5 : 1e-3;
      expect(close(record.loss, want.loss, rtol), `loss ${record.loss}, ${want.loss}`).toBe(true);
      expect(close(record.gradNorm, want.gradNorm, 10 * rtol), `norm ${record.gradNorm}`).toBe(true);
      expect(Object.keys(record.terms)).toEqual(Object.keys(want.terms));
      for (const [name, value] of Object.entries(record.terms))
        expect(close(value, want.terms[name]!, rtol), `${name} ${value}, ${want.terms[name]}`).toBe(true);
    }
  });
});

test("the plan counts ranges to the byte", async () => {
  const { facts } = await watch(cutGpu, { ...SMALL_RUN, steps: 2 }, 2);
  const { bytes } = facts.plan!;
  expect(bytes.weights + bytes.gradients + bytes.moments).toBe(facts.memory["parameterBytes"]);
  expect(bytes.activations).toBe(facts.memory["scratchBytes"]);
});

test("the teacher's tables lie in ranges, and are released", () => {
  let live = 0;
  const device = {
    limits: { maxStorageBufferBindingSize: 4 * 700, maxBufferSize: 1e9 },
    createBuffer({ size }: GPUBufferDescriptor) {
      expect(size).toBeLessThanOrEqual(4 * 700);
      live += size;
      return { size, destroy: () => (live -= size) };
    },
  };
  const counting = { ...gpu, device } as unknown as Gpu;
  const placed = placeTeacherWeights(counting, [101, 9], ["teacher.head", "teacher.tokenEmbedding"]);
  expect(placed.bytes).toBe(2 * 101 * 9 * 4);
  expect(live).toBe(placed.bytes);
  expect(placed.head().length).toBe(909);
  expect(placed.head().place).toMatchObject({ kind: "split", parts: [{ length: 576 }, { length: 333 }] });
  placed.destroy();
  expect(live).toBe(0);
});

const weights = async (run: Run) => readSafetensors((await run.exportStudent()).get("model.safetensors")!);

test("checkpoint, resume, answers and what is taken away", async () => {
  const config: RunConfig = { ...SMALL_RUN, steps: 6, method: { id: "sft" } };
  const [whole, cut] = [await open(gpu, config), await open(cutGpu, config)];
  const [start, same] = [await cut.checkpoint(), await whole.checkpoint()];
  expect(Buffer.compare(start, same)).toBe(0); // a file knows nothing of ranges
  expect(await cut.answers(0)).toEqual(await whole.answers(0));

  await takeSteps(cut, 3);
  const saved = await cut.checkpoint();
  const records = await takeSteps(cut, 3);
  const [end, exported] = [await cut.checkpoint(), await weights(cut)];
  await cut.destroy();
  const trained = readSafetensors(end);
  for (const [name, { data }] of exported)
    expect(relativeL2(data, trained.get(`weights/${name}`)!.data), name).toBe(0);

  const resumed = await open(cutGpu, config);
  await resumed.restore(saved);
  expect(Buffer.compare(await resumed.checkpoint(), saved)).toBe(0);
  expect(await takeSteps(resumed, 3)).toEqual(records);
  expect(Buffer.compare(await resumed.checkpoint(), end)).toBe(0);
  await resumed.destroy();

  await whole.restore(saved);
  for (const [i, { loss }] of (await takeSteps(whole, 3)).entries())
    expect(close(loss, records[i]!.loss, 1e-3)).toBe(true);
  for (const [name, { data }] of readSafetensors(await whole.checkpoint()))
    if (name.startsWith("weights/"))
      expect(relativeL2(data, trained.get(name)!.data), name).toBeLessThan(1e-3);
  await whole.destroy();
});

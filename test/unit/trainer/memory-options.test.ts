// Training options of a run — plan
//   accumulation   × {SFT, CoT2Align}: 4 rows twice equal 8 rows at once: loss, every term, norm, tokens, weights after
//                  three steps; a reset gives the same bits; each micro-batch is one submit, and the update one more;
//                  a step that is cut off between two of them leaves no gradient behind
//   LoRA           the loss falls, the exported student holds the merge and loads, adapters lie beside it as PEFT
//                  reads them; a target that is not there is refused in words
//   checkpointing  a run that recomputes gives the same bits as one that does not
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { loadStudentWeights, memoryFiles, readSafetensors } from "../../../src/models";
import { openRun, type Run } from "../../../src/trainer";
import { bundledSources, SMALL_RUN, takeSteps as steps } from "../../support/bundled";
import { relativeL2 } from "../../support/close";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const weightsOf = async (run: Run) => readSafetensors((await run.exportStudent()).get("model.safetensors")!);

const SFT: RunConfig = { ...SMALL_RUN, method: { id: "sft" } };

describe("accumulation", () => {
  test.each<[string, RunConfig]>([
    ["SFT", SFT],
    ["CoT2Align", SMALL_RUN],
  ])("%s: four rows twice are eight rows at once", async (_name, config) => {
    const once = await openRun(gpu, { ...config, batchSize: 8 }, bundledSources());
    const whole = await steps(once, 3);
    const twice = await openRun(gpu, { ...config, batchSize: 4, accumulation: 2 }, bundledSources());
    const parts = await steps(twice, 3);
    for (const [i, { loss, terms, gradNorm, tokens, ...rest }] of parts.entries()) {
      const want = whole[i]!;
      expect(tokens).toBe(want.tokens);
      expect(rest.tokenAccuracy).toBeCloseTo(want.tokenAccuracy, 2);
      expect(Math.abs(loss / want.loss - 1)).toBeLessThan(1e-4);
      expect(Math.abs(gradNorm / want.gradNorm - 1)).toBeLessThan(1e-3);
      expect(Object.keys(terms)).toEqual(Object.keys(want.terms));
      for (const [name, value] of Object.entries(terms))
        expect(Math.abs(value / want.terms[name]! - 1), name).toBeLessThan(1e-4);
    }
    const [a, b] = [await weightsOf(once), await weightsOf(twice)];
    for (const [name, { data }] of b) expect(relativeL2(data, a.get(name)!.data), name).toBeLessThan(1e-3);
    await twice.reset();
    expect(await steps(twice, 2)).toEqual(parts.slice(0, 2));

    await twice.reset();
    const submit = vi.spyOn(gpu.device.queue, "submit");
    const create = vi.spyOn(gpu.device, "createBuffer");
    await steps(twice, 1);
    expect(submit).toHaveBeenCalledTimes(3);
    expect(create).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    await once.destroy();
    await twice.destroy();
  });
});

test("a step that is cut off between two micro-batches leaves no gradient behind", async () => {
  const run = await openRun(gpu, { ...SFT, batchSize: 2, accumulation: 2 }, bundledSources());
  const want = await steps(run, 2);
  await run.reset();
  await steps(run, 1);
  const { queue } = gpu.device;
  const submit = queue.submit.bind(queue);
  let submits = 0;
  vi.spyOn(queue, "submit").mockImplementation((buffers) => {
    if (++submits === 2) throw new Error("simulated");
    submit(buffers);
  });
  await expect(run.step()).rejects.toThrow(/simulated/);
  vi.restoreAllMocks();
  expect(await steps(run, 1)).toEqual(want.slice(1));
  await run.destroy();
});

describe("LoRA", () => {
  const training = { kind: "lora", rank: 4, alpha: 8, targets: ["q_proj", "v_proj"] } as const;

  test("trains adapters, exports the merge and the adapters", async () => {
    const config: RunConfig = { ...SMALL_RUN, training: { ...training, targets: [...training.targets] } };
    const sources = bundledSources();
    const run = await openRun(gpu, config, sources);
    expect(run.facts().student.trainable).toBeLessThan(run.facts().student.parameters / 10);
    const records = await steps(run, 8);
    expect(records.at(-1)!.loss).toBeLessThan(records[0]!.loss);
    const folder = await run.exportStudent();
    const { tensors } = await loadStudentWeights(memoryFiles("merged", folder)); // the plain model's tensors
    const before = (await loadStudentWeights(sources.student)).tensors;
    for (const [name, { data }] of tensors) {
      const changed = data.some((value, i) => value !== before.get(name)!.data[i]);
      expect(changed, name).toBe(/q_proj|v_proj/.test(name));
    }
    const adapter = readSafetensors(folder.get("adapter/adapter_model.safetensors")!);
    expect(adapter.get("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight")!.shape).toEqual([
      4, 64,
    ]);
    const json = JSON.parse(new TextDecoder().decode(folder.get("adapter/adapter_config.json"))) as object;
    expect(json).toMatchObject({ peft_type: "LORA", r: 4, lora_alpha: 8 });
    await run.destroy();
  });

  test("a target that is not there is refused in words", async () => {
    const config: RunConfig = { ...SFT, training: { ...training, targets: ["c_attn"] } };
    await expect(openRun(gpu, config, bundledSources())).rejects.toMatchObject({
      code: "adapters",
      why: expect.stringMatching(/"c_attn" names no matrix.*q_proj/),
      remedy: expect.stringMatching(/training\.targets/),
    });
  });
});

test("gradient checkpointing gives the same bits", async () => {
  const plain = await openRun(gpu, SMALL_RUN, bundledSources());
  const want = await steps(plain, 2);
  const kept = plain.facts().memory["scratchBytes"]!;
  await plain.destroy();
  const run = await openRun(gpu, { ...SMALL_RUN, gradientCheckpointing: true }, bundledSources());
  expect(await steps(run, 2)).toEqual(want);
  expect(run.facts().memory["scratchBytes"]!).toBeLessThan(kept);
  await run.destroy();
});

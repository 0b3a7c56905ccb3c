// A teacher in our own engine, on Dawn — plan
//   every family   states at embedding, last hidden state and blocks, and logits, equal the ONNX session's (the probe's own check,
//                  and here on another text); from safetensors and from the ONNX file alone
//   refused        weights of another model than the ONNX file: by the difference; a quantized form
//   off-policy     a run's losses are those of the ONNX teacher, within rounding
//   on-policy      ten steps with the teacher in the step: the same twice, and within rounding those of the ONNX teacher; no state
//                  passes through the host
//   plan           counts the teacher's weights on the GPU
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import {
  loadTokenizer,
  memoryFiles,
  openTeacher,
  readSafetensors,
  writeSafetensors,
} from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { openRun, RunError, type RunSources } from "../../../src/trainer";
import { openEngineTeacher } from "../../../src/trainer/engine-teacher";
import { planSources } from "../../../src/trainer/plan-sources";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

const options = {
  ...{ layers: [0, 1], keepWeights: true, onProgress: () => undefined },
  allocate: async <T>(_what: string, make: () => T) => make(),
};
const FIXTURES = join(import.meta.dirname, "../../fixtures/models");
const tokenizer = await loadTokenizer(bundledSources().teacher); // the fixtures have none: any will do

const worst = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  expect(got.length).toBe(want.length);
  let most = 0;
  for (let i = 0; i < want.length; i++) most = Math.max(most, Math.abs(got[i]! - want[i]!));
  return most;
};

async function both(name: string): Promise<{ close(): Promise<void>; states: number }> {
  const files = folderFiles(name, join(FIXTURES, name));
  const onnx = await openTeacher(files, { device: "cpu", layers: options.layers, tokenizer });
  const engine = await openEngineTeacher(gpu, files, onnx, options);
  expect(engine.gap).toBeLessThan(1e-4);
  const ids = Int32Array.from({ length: 13 }, (_, i) => (i * 11 + 3) % onnx.config.vocabSize);
  const args = [ids, new Uint8Array(13).fill(1), 1, 13, { layers: true }] as const;
  const [want, got] = [await onnx.forward(...args), await engine.forward(...args)];
  const states = Math.max(
    worst(got.embedding, want.embedding),
    worst(got.hidden, want.hidden),
    ...got.layers!.map((layer, k) => worst(layer, want.layers![k]!)),
  );
  return { states, close: async () => Promise.all([onnx.dispose(), engine.dispose()]).then(() => undefined) };
}

test.each(["llama", "llama-untied", "qwen2", "qwen3", "gpt2", "gpt_neox", "gemma3"])("%s", async (name) => {
  const { states, close } = await both(name);
  expect(states).toBeLessThan(1e-4);
  await close();
});

const GOLD = { id: "gold", kdRate: 1, mode: "uld", beta: 0.5, matchedWeight: null, unmatchedWeight: null };
const config = (more: object): RunConfig => {
  const { method: _, ...rest } = SMALL_RUN;
  return parseRunConfig({ ...rest, method: GOLD, ...more });
};

async function losses(of: RunConfig, steps: number, sources: RunSources = bundledSources(of)) {
  const run = await openRun(gpu, of, sources);
  try {
    return (await takeSteps(run, steps)).map(({ loss }) => loss);
  } finally {
    await run.destroy();
  }
}

const expectNear = (got: readonly number[], want: readonly number[]) =>
  got.forEach((loss, i) => expect(Math.abs(loss / want[i]! - 1)).toBeLessThan(1e-3));

describe("runs of the bundled pair", () => {
  const written = { data: { ...SMALL_RUN.data, view: "plain", outputs: "student" } };
  const rollout = { ...SMALL_RUN.rollout, maxNewTokens: 16, startEverySteps: 0 };

  test("off-policy, from the ONNX file alone", async () => {
    const sources = bundledSources();
    const { teacher } = sources;
    const names = ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"];
    const files = new Map<string, Uint8Array>();
    for (const name of names) files.set(name, await teacher.read(name));
    const alone = { ...sources, teacher: memoryFiles("teacher", files) };
    const want = await losses(config({}), 2);
    const got = await losses(config({ teacherDevice: "engine" }), 2, alone);
    expect(got).toHaveLength(2);
    expectNear(got, want);
  });

  test("on-policy, inside the step: the same ten losses twice", async () => {
    const inStep = config({ ...written, rollout, teacherDevice: "engine" });
    const run = await openRun(gpu, inStep, bundledSources());
    expect(run.facts().notes!.join(" ")).toMatch(
      /teacher runs in our engine: within \d\.\de-\d+ of its ONNX session/,
    );
    const first = (await takeSteps(run, 10)).map(({ loss }) => loss);
    expect(run.facts().memory["teacherCacheBytes"]).toBe(0);
    await run.reset();
    expect((await takeSteps(run, 10)).map(({ loss }) => loss)).toEqual(first);
    await run.destroy();
    expectNear(first.slice(0, 2), await losses(config({ ...written, rollout }), 2));
  });

  test("what is refused: other weights, a quantized form", async () => {
    const sources = bundledSources();
    const { teacher } = sources;
    const other = new Map<string, Uint8Array>();
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"])
      other.set(name, await teacher.read(name));
    const weights = readSafetensors(await teacher.read("model.safetensors"));
    const [first] = weights.keys();
    weights.get(first!)!.data[0]! += 1;
    other.set("model.safetensors", writeSafetensors(weights));
    const wrong = { ...sources, teacher: memoryFiles("teacher", other) };
    const refusal: unknown = await openRun(gpu, config({ teacherDevice: "engine" }), wrong).catch(
      (e: unknown) => e,
    );
    expect(refusal).toBeInstanceOf(RunError);
    expect((refusal as RunError).code).toBe("teacher-differs");
    expect((refusal as RunError).message).toMatch(/largest difference is \d/);
    const quantized = { ...sources, teacherDtype: "q4" as const };
    await expect(openRun(gpu, config({ teacherDevice: "engine" }), quantized)).rejects.toThrow(/q4/);
  });

  test("the plan counts it", async () => {
    const limits = gpu.device.limits;
    const sources = bundledSources();
    const onCpu = await planSources(config({ ...written, rollout }), sources, limits);
    const inEngine = await planSources(
      config({ ...written, rollout, teacherDevice: "engine" }),
      sources,
      limits,
    );
    const more = inEngine.bytes.workspace - onCpu.bytes.workspace;
    expect(more).toBeGreaterThan(0.7e6 * 4); // 0.8 M parameters, less the head that the method had already
    expect(inEngine.bytes.activations).toBeGreaterThan(onCpu.bytes.activations);
    expect(inEngine.host!.teacher).toBeLessThan(onCpu.host!.teacher);
  });
});

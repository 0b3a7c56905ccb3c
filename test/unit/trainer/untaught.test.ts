// runs whose teacher is not there, or has no graph, and what is not held in memory — plan
//   SFT        without a teacher's folder: plan, steps, answers and facts; the same losses as with one; SeqKD's answers need it
//   weights    a folder of weights alone as teacher: the losses are those of the folder with its graph
//   before     × {full, LoRA}: the answer of the first student, asked for after steps, is the one it gave at step 0; weights, moments and
//              the next step are untouched to the bit; the student's files, changed meanwhile, are named
//   order      a row that nobody can use is said before any weight is read
import { expect, test } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import { absentFiles, type ModelFiles, readSafetensors, writeSafetensors } from "../../../src/models";
import { openRun, planSources } from "../../../src/trainer";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

const gpu = await testGpu();
const SFT: RunConfig = { ...SMALL_RUN, method: { id: "sft" }, steps: 3 };
const LORA: RunConfig = {
  ...SFT,
  training: { kind: "lora", rank: 4, alpha: 8, targets: ["q_proj", "v_proj"] },
};

/** Reads that it was asked for. */
function watched(files: ModelFiles): ModelFiles & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    ...{ id: files.id, asked, has: files.has },
    read: (path, onProgress) => {
      asked.push(path);
      return files.read(path, onProgress);
    },
  };
}

async function losses(config: RunConfig, sources = bundledSources(), steps = 2): Promise<number[]> {
  const run = await openRun(gpu, config, sources);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push((await run.step()).loss);
  await run.destroy();
  return found;
}

test("SFT asks no teacher, and needs none", async () => {
  const teacher = watched(bundledSources().teacher);
  const sources = { ...bundledSources(), teacher };
  const alone = { ...bundledSources(), teacher: absentFiles("nobody") };
  const plan = await planSources(SFT, alone, gpu.device.limits);
  expect(plan.teacherCache).toBe(0);
  const run = await openRun(gpu, SFT, alone);
  const facts = run.facts();
  expect(facts.teacher).toBeUndefined();
  expect(facts.plan?.total).toBe(plan.total);
  const seen = [(await run.step()).loss, (await run.step()).loss];
  const answers = await run.answers(0);
  expect(answers.teacher).toBeUndefined();
  expect(answers.now.length).toBeGreaterThan(0);
  expect((await run.exportStudent()).has("model.safetensors")).toBe(true);
  await run.destroy();
  expect(await losses(SFT, sources)).toEqual(seen);
  expect(teacher.asked).toEqual([]);
  await expect(openRun(gpu, { ...SFT, data: { ...SFT.data, outputs: "teacher" } }, alone)).rejects.toThrow(
    /Model "nobody" needs config\.json, but the folder is not there/,
  );
});

test("a teacher of weights alone", async () => {
  const config: RunConfig = { ...SMALL_RUN, method: { id: "uld", kdRate: 0.5 } };
  const { teacher } = bundledSources();
  const alone: ModelFiles = {
    id: teacher.id,
    has: async (path) => !path.startsWith("onnx/") && (await teacher.has(path)),
    read: (path, onProgress) =>
      path.startsWith("onnx/") ? Promise.reject(new Error(path)) : teacher.read(path, onProgress),
  };
  const [withGraph, made] = [
    await losses(config),
    await losses(config, { ...bundledSources(), teacher: alone }),
  ];
  // Both graphs hold the same weights; their operators round differently.
  made.forEach((loss, i) => expect(Math.abs(loss - withGraph[i]!)).toBeLessThan(1e-5 * withGraph[i]!));
});

test.each([
  ["full", SFT],
  ["LoRA", LORA],
])("the first student's answer, later: %s", async (_, config) => {
  const run = await openRun(gpu, config, bundledSources());
  const first = (await run.answers(1)).now;
  const fresh = await openRun(gpu, config, bundledSources());
  for (const each of [run, fresh]) for (let i = 0; i < 2; i++) await each.step();
  const before = await fresh.checkpoint();
  const answers = await fresh.answers(1);
  expect(answers.before).toBe(first);
  expect(await fresh.checkpoint()).toEqual(before);
  expect((await fresh.step()).loss).toBe((await run.step()).loss);
  await run.destroy();
  await fresh.destroy();
});

test("a student whose files change while it is trained", async () => {
  const { student, ...rest } = bundledSources();
  let factor = 1;
  const changing: ModelFiles = {
    id: student.id,
    has: student.has,
    async read(path, onProgress) {
      const bytes = await student.read(path, onProgress);
      if (path !== "model.safetensors" || factor === 1) return bytes;
      const tensors = readSafetensors(bytes);
      tensors.get("model.norm.weight")!.data[0]! *= factor;
      return writeSafetensors(tensors);
    },
  };
  const run = await openRun(gpu, SFT, { ...rest, student: changing });
  await run.step();
  factor = 2;
  await expect(run.answers(0)).rejects.toThrow(
    /first weights cannot be read again.*files of its folder have changed/,
  );
  factor = 1;
  expect((await run.answers(0)).before.length).toBeGreaterThan(0);
  await run.destroy();
});

test("rows are judged before weights are read", async () => {
  const sources = bundledSources();
  const train = sources.train.map(({ outputCot: _o, promptCot: _p, ...row }) => row);
  const config: RunConfig = { ...SMALL_RUN, data: { ...SMALL_RUN.data, view: "cot" } };
  const stages: string[] = [];
  await expect(openRun(gpu, config, { ...sources, train }, (stage) => stages.push(stage))).rejects.toThrow(
    /none of \d+ rows can be used.*has no chain of thought/,
  );
  expect(stages.filter((stage) => stage.startsWith("loading"))).toEqual([]);
  expect(stages.length).toBeGreaterThan(0);
});

test("the host's memory is planned: weights, session, teacher, checkpoint", async () => {
  const sources = bundledSources();
  const { host } = await planSources(SFT, sources, gpu.device.limits);
  const bytes = 4 * 200_128; // couplet-student's parameters in f32
  expect(host).toMatchObject({ teacher: 0, student: Math.round(2.25 * bytes) });
  // Weights and two moments on their way out, and as a file; all of the student is trained.
  expect(host!.checkpoint).toBe(2 * 3 * bytes);
  expect(host!.peak).toBe(Math.max(host!.student, host!.checkpoint));
  const adapters = await planSources(LORA, sources, gpu.device.limits);
  expect(adapters.host!.checkpoint).toBeLessThan(0.1 * bytes * 6);
  expect(adapters.host!.peak).toBe(host!.student);
  const taught = await planSources(SMALL_RUN, sources, gpu.device.limits);
  const graph = (await sources.teacher.read("onnx/model.onnx")).length;
  expect(taught.host!.teacher).toBeGreaterThanOrEqual(graph);
  expect(taught.host!.peak).toBeGreaterThan(taught.host!.teacher + taught.teacherCache);
});

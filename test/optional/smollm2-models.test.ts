// SmolLM2-135M-Instruct through the doors of models — plan (npm run test:smollm2; not part of npm test)
//   teacher   the folder has no ONNX: ours is written, opened and tapped; its next token is PyTorch's
//   template  a conversation in its own chat template is Transformers' text and tokens
//   distil    three steps against the bundled student, whose tokenizer is another: losses are finite; the same again from
//             the teacher's kept states, without running it
//   student   its parameters out of our ONNX, read as a stream, are those of the safetensors to the bit
//   export    written as a folder, f16 graph too, and loaded back: logits within 1e-4, the same greedy tokens
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { encodeRow } from "../../src/data";
import {
  createStateSets,
  exportStudentFolder,
  HALF_ONNX_FILE,
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  memoryStore,
  type ModelFiles,
  openTeacher,
  type StudentWeights,
  withOnnxGraph,
} from "../../src/models";
import { folderFiles } from "../../src/models/files/node-files";
import { openRun } from "../../src/trainer";
import { nodeSources } from "../../src/cli/sources";
import { testGpu } from "../support/gpu";

const dir = resolve(import.meta.dirname, "../../.cache/smollm2");
const folder = folderFiles("smollm2", dir);
let weights: StudentWeights;
let files: ModelFiles;
let reference: { prompt_text: string; prompt: number[]; ids: number[]; continuation: number[] };

const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const started = performance.now();
  const result = await work();
  process.stdout.write(`smollm2: ${what}: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  return result;
};

beforeAll(async () => {
  if (!existsSync(dir)) throw new Error("Make .cache/smollm2 first: see reference/smollm2/prepare.py");
  reference = JSON.parse(readFileSync(join(dir, "reference.json"), "utf8")) as typeof reference;
  weights = await timed("weights", () => loadStudentWeights(folder));
  files = await timed("our ONNX", () => withOnnxGraph(folder, weights.config, weights.tensors));
}, 600_000);

test("a teacher with taps, whose next tokens are PyTorch's", async () => {
  const teacher = await timed("teacher opened and probed", () =>
    openTeacher(files, { device: "cpu", layers: [0, 15, 30] }),
  );
  const { prompt } = reference;
  const mask = new Uint8Array(prompt.length).fill(1);
  const out = await timed("taps", () =>
    teacher.forward(Int32Array.from(prompt), mask, 1, prompt.length, { layers: true, token: true }),
  );
  expect([out.D, out.V]).toEqual([576, 49152]);
  expect(out.layers!.map((layer) => layer.length)).toEqual(Array(3).fill(prompt.length * 576));
  expect([...out.layers![0]!]).toEqual([...out.embedding]);
  expect([...out.token!]).toEqual([...out.embedding]);
  expect(out.hidden.every(Number.isFinite)).toBe(true);
  const tokens = await timed("8 tokens", () => teacher.continue(prompt, { maxNewTokens: 8 }));
  expect(tokens).toEqual(reference.continuation.slice(0, tokens.length));
  await teacher.dispose();
}, 600_000);

test("three steps against the bundled student", async () => {
  const config = {
    ...DEFAULT_RUN,
    steps: 3,
    batchSize: 2,
    evaluation: { ...DEFAULT_RUN.evaluation, everySteps: 0, rows: 0 },
  };
  const teacherStates = createStateSets(memoryStore());
  const sources = { ...(await nodeSources(config)), teacher: files, teacherStates };
  const steps = async (what: string) => {
    const run = await timed(`${what} run opened`, async () => openRun(await testGpu(), config, sources));
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push((await timed(`${what} step ${i + 1}`, () => run.step())).loss);
    const counts = await run.keepTeacherStates();
    await run.destroy();
    process.stdout.write(`smollm2: losses ${losses.map((loss) => loss.toFixed(4)).join(", ")}\n`);
    process.stdout.write(`smollm2: teacher ${JSON.stringify(counts)}\n`);
    return { losses, counts };
  };
  const first = await steps("first");
  expect(first.losses.every(Number.isFinite)).toBe(true);
  const second = await steps("second");
  expect(second.losses).toEqual(first.losses);
  expect(second.counts).toEqual({ computed: 0, found: first.counts.computed });
}, 900_000);

test("a conversation in its own template", async () => {
  const tokenizer = await loadTokenizer(folder);
  const turns = [{ role: "user", content: "What is the capital of France?" }] as const;
  const prompt = tokenizer.chat!.prompt(turns);
  expect(prompt).toBe(reference.prompt_text);
  expect(tokenizer.encode(prompt)).toEqual(reference.prompt);
  const row = { id: "r", prompt: "", output: "The capital of France is Paris.", turns };
  const { ids, promptLength } = encodeRow(tokenizer, row, "plain", 512, 256);
  expect([...ids.subarray(0, promptLength)]).toEqual(reference.prompt);
  expect([...ids.subarray(0, -1)]).toEqual(reference.ids); // PyTorch's inputs: all but the last
  expect(ids.at(-1)).toBe(tokenizer.eosId);
});

test("a student out of our ONNX", async () => {
  const onnx = memoryFiles(
    "onnx",
    new Map([
      ["config.json", await folder.read("config.json")],
      ["onnx/model.onnx", await files.read("onnx/model.onnx")],
    ]),
  );
  const { tensors } = await timed("weights from ONNX, as a stream", () => loadStudentWeights(onnx));
  expect([...tensors.keys()]).toEqual([...weights.tensors.keys()]);
  for (const [name, { data }] of weights.tensors)
    expect(Buffer.compare(bytesOf(tensors.get(name)!.data), bytesOf(data)), name).toBe(0);
}, 600_000);

test("exported and loaded back", async () => {
  const written = await timed("export", () =>
    exportStudentFolder(weights.config, weights.tensors, folder, { half: true }),
  );
  const again = await timed("weights loaded back", () => loadStudentWeights(memoryFiles("again", written)));
  for (const [name, { data }] of weights.tensors)
    expect(Buffer.compare(bytesOf(again.tensors.get(name)!.data), bytesOf(data)), name).toBe(0);
  const [first, second] = [
    await openTeacher(files, { device: "cpu" }),
    await openTeacher(memoryFiles("again", written), { device: "cpu" }),
  ];
  const ids = Int32Array.from(reference.prompt);
  const mask = new Uint8Array(ids.length).fill(1);
  const [a, b] = [
    await first.forward(ids, mask, 1, ids.length, { logits: true }),
    await second.forward(ids, mask, 1, ids.length, { logits: true }),
  ];
  expect(a.logits!.reduce((most, v, i) => Math.max(most, Math.abs(v - b.logits![i]!)), 0)).toBeLessThan(1e-4);
  const [x, y] = [
    await first.continue(reference.prompt, { maxNewTokens: 8 }),
    await second.continue(reference.prompt, { maxNewTokens: 8 }),
  ];
  expect(y).toEqual(x);
  await Promise.all([first.dispose(), second.dispose()]);
  const half = new Map([...written, ["onnx/model.onnx", written.get(HALF_ONNX_FILE)!]]);
  process.stdout.write(
    `smollm2: f32 graph ${written.get("onnx/model.onnx")!.length} bytes, f16 ${half.get("onnx/model.onnx")!.length}\n`,
  );
  const third = await openTeacher(memoryFiles("half", half), { device: "cpu" });
  expect(await third.continue(reference.prompt, { maxNewTokens: 8 })).toEqual(x);
  await third.dispose();
}, 900_000);

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

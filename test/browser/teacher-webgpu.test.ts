// teachers on WebGPU in a real Chromium (SwiftShader), on one device with our kernels, from source — plan
//   forms     × {fp32, fp16, q8, q4, q4f16, q4 with a quantized table, builder with a data file, builder with a 4-bit head}:
//             taps on WebGPU are wasm's within a tolerance per form; taps that were copied into our buffers on the GPU are
//             those that came through the CPU; what ONNX Runtime refuses on WebGPU is refused in its words
//   run       of the bundled pair with the teacher on the GPU that trains: losses are those with the teacher on the CPU; its
//             states stay on the GPU, are kept for the next run, and that run has the same losses without the teacher;
//             a teacher that WebGPU cannot run goes to the CPU, with a note that says why
//   families  × {qwen2, qwen3, gpt2, gpt_neox, gemma3}, as PyTorch traces them: taps on WebGPU are wasm's
//   device    it is the one that we gave, before and after a session ends: our kernels run, another session opens on it;
//             after a loss, sessions open on the next device
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DEFAULT_RUN } from "../../src/config/presets";
import type { parseRows } from "../../src/data";
import type { Gpu } from "../../src/gpu/device";
import type * as Models from "../../src/models";
import type { openRun } from "../../src/trainer";
import { builderGraph } from "../unit/models/builder-graph";
import {
  quantizedConfig,
  quantizedFolder,
  randomTensors,
  tinyFolder,
  tokenizerFiles,
} from "../unit/models/tiny";
import { SWIFTSHADER } from "./support/browser";
import { base64, type Folder, openSourcePage, type SourcePage, top } from "./support/source-page";

let opened: SourcePage;
let page: Page;

beforeAll(async () => {
  const content = `
    import * as models from "/src/models/index.ts";
    import { openGpu } from "/src/gpu/device.ts";
    import { openRun } from "/src/trainer/index.ts";
    import { parseRows } from "/src/data/index.ts";
    import { DEFAULT_RUN } from "/src/config/presets.ts";
    globalThis.couplet = models;
    globalThis.engine = { openRun, parseRows, DEFAULT_RUN };
    globalThis.gpu = await openGpu(navigator.gpu);
    globalThis.ready = true;`;
  opened = await openSourcePage(content, "ready", SWIFTSHADER);
  ({ page } = opened);
});
afterAll(() => opened?.close());

/** What one form does on wasm and on WebGPU, in the page. */
async function compare([files, form]: readonly [Folder, string]) {
  const models = Reflect.get(globalThis, "couplet") as typeof Models;
  const { device } = Reflect.get(globalThis, "gpu") as { device: GPUDevice };
  const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const map = () => new Map(files.map(([path, text]) => [path, bytes(text)]));
  const open = (where: "wasm" | "webgpu") =>
    models
      .openTeacher(models.memoryFiles("form", map()), {
        ...{ device: where, dtype: form as "fp32", layers: [1] },
        ...(where === "webgpu" && { gpu: device }),
      })
      .catch((error: unknown) => String(error));
  const [B, T] = [2, 5];
  const ids = Int32Array.of(5, 6, 7, 8, 9, 20, 30, 40, 0, 0);
  const mask = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0);
  const on = async (where: "wasm" | "webgpu") => {
    const teacher = await open(where);
    if (typeof teacher === "string") return teacher;
    const out = await teacher.forward(ids, mask, B, T, { layers: true, token: true, logits: true });
    const states = {
      embedding: out.embedding,
      token: out.token!,
      layer: out.layers![0]!,
      hidden: out.hidden,
    };
    const D = out.D;
    const copied: Record<string, number[]> = {};
    if (teacher.forwardOnGpu) {
      const size = 3 * D * 4;
      const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST | GPUBufferUsage.STORAGE;
      const target = device.createBuffer({ size: 4 * size, usage });
      const kinds = ["embedding", "token", { layer: 0 }, "hidden"] as const;
      const copies = kinds.map((state, i) => ({ state, firstRow: 1, rows: 3, target, offset: i * size }));
      await teacher.forwardOnGpu(ids, mask, B, T, copies);
      const staging = device.createBuffer({
        size: 4 * size,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(target, 0, staging, 0, 4 * size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const all = new Float32Array(staging.getMappedRange().slice(0));
      Object.keys(states).forEach(
        (name, i) => (copied[name] = [...all.subarray(i * 3 * D, (i + 1) * 3 * D)]),
      );
    }
    const talks = form === "fp32" && files.some(([path]) => path === "generation_config.json");
    const text = talks ? await teacher.generate("the", { maxNewTokens: 3 }) : "";
    await teacher.dispose();
    const real = Object.fromEntries(
      Object.entries(states).map(([name, data]) => [name, [...data.subarray(0, 8 * D)]]), // without padding
    );
    return { real, copied, text, D, logits: [...out.logits!.subarray(0, 8 * out.V)] };
  };
  const result = { wasm: await on("wasm"), webgpu: await on("webgpu") };
  const lost = await Promise.race([
    device.lost.then(() => true),
    new Promise((done) => setTimeout(done, 20)),
  ]);
  return { ...result, lost: lost === true };
}

const quantized = (name: string) =>
  new Uint8Array(readFileSync(join(top, `test/fixtures/quantized/${name}.onnx`)));
const folderOf = async (name: string, path: string): Promise<Folder> =>
  base64(new Map([...(await quantizedFolder()), [path, quantized(name)]]));
async function built(style: { external?: string; q4Head?: boolean }): Promise<Folder> {
  const config = { ...quantizedConfig, layers: 2, headDim: 16, tiedEmbeddings: !style.q4Head };
  const folder = await tinyFolder(config, 5);
  const { model, data } = builderGraph(config, randomTensors(config, 5), style);
  folder.set("onnx/model.onnx", model);
  if (style.external) folder.set(`onnx/${style.external}`, data);
  return base64(folder);
}

/** Largest difference, as a share of the largest value. */
function relative(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  const scale = Math.max(...a.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / scale;
}

const NO_F16 = /onnx\/model_(fp16|q4f16)\.onnx: .*requires f16 but the device does not support it/s;
const NO_TABLE = /ONNX Runtime refused it on wasm.*implementation for GatherBlockQuantized/s;

test.each([
  // SwiftShader's exp and rsqrt are coarser than the CPU's; q8 rounds what is near a half the other way.
  ["fp32", "fp32", async () => base64(await quantizedFolder()), { within: 5e-4 }],
  ["q8", "q8", () => folderOf("q8", "onnx/model_quantized.onnx"), { within: 3e-2 }],
  ["q4", "q4", () => folderOf("q4", "onnx/model_q4.onnx"), { within: 5e-4 }],
  ["builder, a data file", "fp32", () => built({ external: "model.onnx_data" }), { within: 5e-4 }],
  ["builder, a 4-bit head", "fp32", () => built({ q4Head: true }), { within: 5e-4 }],
  ["fp16", "fp16", () => folderOf("fp16", "onnx/model_fp16.onnx"), { webgpu: NO_F16 }],
  ["q4f16", "q4f16", () => folderOf("q4f16", "onnx/model_q4f16.onnx"), { webgpu: NO_F16 }],
  ["q4 with a quantized table", "q4", () => folderOf("q4-gather", "onnx/model_q4.onnx"), { wasm: NO_TABLE }],
])("%s", async (_, dtype, folder, want: { within?: number; wasm?: RegExp; webgpu?: RegExp }) => {
  const { wasm, webgpu, lost } = await page.evaluate(compare, [await folder(), dtype] as const);
  expect(lost).toBe(false);
  if (want.wasm) expect(wasm).toMatch(want.wasm);
  if (want.webgpu) expect(webgpu).toMatch(want.webgpu);
  if (typeof webgpu === "string") return expect(want.webgpu, webgpu).toBeDefined();
  for (const [state, values] of Object.entries(webgpu.real)) {
    expect(values.every(Number.isFinite)).toBe(true);
    const rows = values.slice(webgpu.D, 4 * webgpu.D);
    expect(relative(rows, webgpu.copied[state]!), state).toBeLessThan(1e-6);
  }
  if (typeof wasm === "string") return expect(want.wasm, wasm).toBeDefined();
  expect(webgpu.text).toBe(wasm.text);
  expect(wasm.copied).toEqual({});
  const states = [...Object.entries(wasm.real), ["logits", wasm.logits] as const];
  for (const [state, values] of states) {
    const other = state === "logits" ? webgpu.logits : webgpu.real[state]!;
    expect(relative(values, other), state).toBeLessThan(want.within!);
  }
});

test.each(["qwen2", "qwen3", "gpt2", "gpt_neox", "gemma3"])("%s", async (name) => {
  const at = join(top, "test/fixtures/models", name);
  const paths = ["config.json", "onnx/model.onnx"];
  const own = paths.map((path) => [path, new Uint8Array(readFileSync(join(at, path)))] as const);
  const folder = base64(new Map([...tokenizerFiles(), ...own]));
  const { wasm, webgpu, lost } = await page.evaluate(compare, [folder, "fp32"] as const);
  expect(lost).toBe(false);
  if (typeof wasm === "string" || typeof webgpu === "string")
    throw new Error(`${String(wasm)} ${String(webgpu)}`);
  for (const [state, values] of Object.entries(webgpu.real)) {
    expect(relative(values, wasm.real[state]!), state).toBeLessThan(5e-4);
    const rows = values.slice(webgpu.D, 4 * webgpu.D);
    expect(relative(rows, webgpu.copied[state]!), state).toBeLessThan(1e-6);
  }
  expect(relative(wasm.logits, webgpu.logits)).toBeLessThan(5e-4);
});

/** Two steps of the bundled pair, with the teacher on the CPU, on the GPU, and again from its kept states. */
async function runs(half: Folder) {
  const models = Reflect.get(globalThis, "couplet") as typeof Models;
  const gpu = Reflect.get(globalThis, "gpu") as Gpu;
  const engine = Reflect.get(globalThis, "engine") as {
    openRun: typeof openRun;
    parseRows: typeof parseRows;
    DEFAULT_RUN: typeof DEFAULT_RUN;
  };
  const rows = engine
    .parseRows(await (await fetch("/data/reasoning-train.jsonl")).text(), "rows")
    .slice(0, 4);
  const files = (id: string) => models.urlFiles(id, `${location.origin}/models/${id}/`);
  const states = models.createStateSets(models.memoryStore());
  const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const make = gpu.device.createBuffer.bind(gpu.device);
  let stateBuffers = 0;
  gpu.device.createBuffer = (descriptor) => {
    if (descriptor.label === "teacher states") stateBuffers++;
    return make(descriptor);
  };
  const run = async (teacherDevice: "cpu" | "gpu", teacherDtype: "fp32" | "fp16" = "fp32") => {
    const config = {
      ...engine.DEFAULT_RUN,
      ...{ teacherDevice, batchSize: 2, steps: 2, evaluation: { everySteps: 0, rows: 0 } },
    };
    const teacher = files("couplet-teacher");
    const opened = await engine.openRun(gpu, config, {
      teacher:
        teacherDtype === "fp16"
          ? models.memoryFiles("half", new Map(half.map(([p, t]) => [p, bytes(t)])))
          : teacher,
      ...{ teacherDtype, student: files("couplet-student"), train: rows, heldOut: rows },
      ...{ device: "wasm" as const, ...(teacherDevice === "gpu" && { teacherStates: states }) },
    });
    stateBuffers = 0;
    const losses = [(await opened.step()).loss, (await opened.step()).loss];
    const { notes } = opened.facts();
    const counts = await opened.keepTeacherStates();
    await opened.destroy();
    return { losses, notes, counts, stateBuffers };
  };
  return {
    cpu: await run("cpu"),
    gpu: await run("gpu"),
    again: await run("gpu"),
    half: await run("gpu", "fp16"),
  };
}

test("a run with the teacher on the GPU that trains", async () => {
  const { cpu, gpu, again, half } = await page.evaluate(runs, await folderOf("fp16", "onnx/model_fp16.onnx"));
  expect(cpu.notes).toEqual([]);
  expect(gpu.notes).toEqual([]);
  gpu.losses.forEach((loss, i) => expect(Math.abs(loss / cpu.losses[i]! - 1)).toBeLessThan(1e-3));
  expect(gpu.counts).toEqual({ computed: 4, found: 0 });
  expect([cpu, gpu, again, half].map(({ stateBuffers }) => stateBuffers)).toEqual([0, 4, 0, 0]);
  expect(again.losses).toEqual(gpu.losses);
  expect(again.counts).toEqual({ computed: 0, found: 4 });
  expect(half.notes).toEqual([expect.stringMatching(/^The teacher runs on the CPU: .*requires f16/s)]);
  expect(half.losses.every(Number.isFinite)).toBe(true);
}, 600_000);

test("a lost device, and a session on the one that is opened after it", async () => {
  const seen = await page.evaluate(
    async (files) => {
      const models = Reflect.get(globalThis, "couplet") as typeof Models;
      const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const map = () => new Map(files.map(([path, text]) => [path, bytes(text)]));
      const first = Reflect.get(globalThis, "gpu") as { device: GPUDevice };
      const open = (gpu: GPUDevice) =>
        models.openTeacher(models.memoryFiles("form", map()), { device: "webgpu", gpu });
      const before = await open(first.device);
      first.device.destroy();
      await before.dispose(); // as a run does that is loaded again after a loss
      const second = (await (await navigator.gpu.requestAdapter())!.requestDevice()) as GPUDevice;
      const again = await Promise.race([
        open(second)
          .then(async (teacher) => {
            const target = second.createBuffer({ size: 32 * 4, usage: GPUBufferUsage.COPY_DST });
            await teacher.forwardOnGpu!(Int32Array.of(5, 6), Uint8Array.of(1, 1), 1, 2, [
              { state: "hidden", firstRow: 0, rows: 1, target, offset: 0 },
            ]);
            return "opened";
          })
          .catch((error: unknown) => `${(error as Error).name} ${String(error)}`),
        new Promise<string>((done) => setTimeout(() => done("hangs"), 60_000)),
      ]);
      const wasm = await models.openTeacher(models.memoryFiles("form", map()), { device: "wasm" }).then(
        () => "opened",
        (error: unknown) => String(error),
      );
      return { again, wasm };
    },
    base64(await quantizedFolder()),
  );
  expect(seen).toEqual({ again: "opened", wasm: "opened" });
}, 200_000);

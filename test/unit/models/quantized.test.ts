// teachers in the forms that hubs hold — plan
//   quantized  × {fp16, fp16 with f32 inputs, q8, q8 per channel, q4, q4f16, q4 with a quantized table}, written by ONNX
//              Runtime's own tools (test/fixtures/quantized/make.py): taps, blocks, head and table are found; hidden ·
//              head = logits; table rows = token taps; all near the f32 model; a cached continuation runs
//   builder    × {f32, 4-bit head, weights in a data file}: fused attention and norms, a last block that is not returned:
//              equal to the plain export of the same weights
//   refusals   a data file that is cut, a data file elsewhere, another vocabulary
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { memoryFiles, ONNX_FILES, type OnnxDtype, openTeacher, type Teacher } from "../../../src/models";
import { type BuilderStyle, builderGraph } from "./builder-graph";
import { encode, quantizedConfig, quantizedFolder, randomTensors, tinyFolder } from "./tiny";

const dir = join(import.meta.dirname, "../../fixtures/quantized");
const IDS = Int32Array.of(10, 250, 77, 258, 3, 77, 5, 9);
const T = IDS.length;
const ALL = { logits: true, token: true, layers: true };
const run = (teacher: Teacher) => teacher.forward(IDS, new Uint8Array(T).fill(1), 1, T, ALL);

/** Root mean square of a difference, over that of the values. */
function apart(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    error += (got[i]! - want[i]!) ** 2;
    size += want[i]! ** 2;
  }
  return got.length === want.length ? Math.sqrt(error / size) : Infinity;
}

const product = (hidden: Float32Array, { shape: [V = 0, D = 0], data }: NonNullable<Teacher["head"]>) =>
  Float32Array.from({ length: (hidden.length / D) * V }, (_, i) => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += hidden[Math.floor(i / V) * D + d]! * data[(i % V) * D + d]!;
    return sum;
  });

// How far the stored numbers may take a model of this size from the f32 one, and integer products the head.
const FORMS: [string, OnnxDtype, number, number][] = [
  ["fp16", "fp16", 0.005, 0.002],
  ["fp16-f32-io", "fp16", 0.005, 0.002],
  ["q8", "q8", 0.1, 0.02],
  ["q8-per-channel", "q8", 0.1, 0.02],
  ["q4", "q4", 0.3, 0.01],
  ["q4f16", "q4f16", 0.3, 0.01],
  ["q4-gather", "q4", 0.5, 0.01],
];

test.each(FORMS)("%s", async (name, dtype, far, rounding) => {
  const folder = await quantizedFolder();
  const plain = await openTeacher(memoryFiles("f32", folder), { device: "cpu", layers: [1] });
  const bytes = new Uint8Array(readFileSync(join(dir, `${name}.onnx`)));
  const files = memoryFiles(name, new Map([...folder, [ONNX_FILES[dtype], bytes]]));
  const teacher = await openTeacher(files, { device: "cpu", dtype, layers: [1] });
  const [want, got] = [await run(plain), await run(teacher)];
  expect(apart(got.hidden, want.hidden)).toBeLessThan(far);
  expect(apart(got.layers![0]!, want.layers![0]!)).toBeLessThan(far);
  expect(apart(got.logits!, want.logits!)).toBeLessThan(far);
  expect(apart(got.hidden, want.hidden)).toBeGreaterThan(1e-6); // control: it is another model
  expect(teacher.head!.shape).toEqual([272, 32]);
  expect(apart(product(got.hidden, teacher.head!), got.logits!)).toBeLessThan(rounding);
  const table = teacher.tokenEmbedding!;
  const rows = Float32Array.from(got.token!, (_, i) => table.data[IDS[Math.floor(i / 32)]! * 32 + (i % 32)]!);
  expect(apart(rows, got.token!)).toBeLessThan(1e-3);
  expect(typeof (await teacher.generate("the 12", { maxNewTokens: 4 }))).toBe("string");
  await Promise.all([plain.dispose(), teacher.dispose()]);
});

const config = { ...quantizedConfig, layers: 2, headDim: 16, tiedEmbeddings: true }; // fused attention takes 16s
async function built(style: BuilderStyle) {
  const folder = await tinyFolder(config, 5);
  const { model, data } = builderGraph(config, randomTensors(config, 5), style);
  folder.set("onnx/model.onnx", model);
  if (style.external) folder.set(`onnx/${style.external}`, data);
  return folder;
}

const STYLES: [string, BuilderStyle, number][] = [
  ["f32", {}, 1e-5],
  ["a head of 4 bits", { q4Head: true }, 0.2],
  ["weights in a data file", { external: "model.onnx_data" }, 1e-5],
];

test.each(STYLES)("builder: %s", async (_, style, far) => {
  const layers = [0, 1, 2];
  const plain = await openTeacher(memoryFiles("plain", await tinyFolder(config, 5)), {
    device: "cpu",
    layers,
  });
  const teacher = await openTeacher(memoryFiles("built", await built(style)), { device: "cpu", layers });
  const [want, got] = [await run(plain), await run(teacher)];
  for (const key of ["embedding", "token", "hidden"] as const)
    expect(apart(got[key]!, want[key]!), key).toBeLessThan(1e-5);
  for (const k of layers) expect(apart(got.layers![k]!, want.layers![k]!), `block ${k}`).toBeLessThan(1e-5);
  expect(apart(got.logits!, want.logits!)).toBeLessThan(far);
  expect(apart(product(got.hidden, teacher.head!), got.logits!)).toBeLessThan(1e-2);
  if (!style.q4Head) {
    const text = await plain.generate("the 12", { maxNewTokens: 8 });
    expect(await teacher.generate("the 12", { maxNewTokens: 8 })).toBe(text);
  }
  await Promise.all([plain.dispose(), teacher.dispose()]);
});

test("a data file that is cut or lies elsewhere is refused", async () => {
  const folder = await built({ external: "model.onnx_data" });
  const open = () => openTeacher(memoryFiles("built", folder), { device: "cpu" });
  folder.set("onnx/model.onnx_data", folder.get("onnx/model.onnx_data")!.subarray(0, 5000));
  await expect(open()).rejects.toThrow(
    /lies at bytes \d+ to \d+ of onnx\/model\.onnx_data, which has 5000\. Download it again/,
  );
  folder.delete("onnx/model.onnx_data");
  await expect(open()).rejects.toThrow(/needs onnx\/model\.onnx_data/);
  const away = await built({ external: "../secrets" });
  await expect(openTeacher(memoryFiles("built", away), { device: "cpu" })).rejects.toThrow(
    /not a file beside the graph/,
  );
});

test("a vocabulary that is not the graph's is refused", async () => {
  const folder = await quantizedFolder();
  folder.set("onnx/model.onnx", new Uint8Array(readFileSync(join(dir, "q4.onnx"))));
  const config = JSON.parse(new TextDecoder().decode(folder.get("config.json"))) as object;
  folder.set("config.json", encode({ ...config, vocab_size: 271 }));
  await expect(openTeacher(memoryFiles("q4", folder), { device: "cpu" })).rejects.toThrow(
    /shape \[1, 8, 272\].*config/,
  );
});

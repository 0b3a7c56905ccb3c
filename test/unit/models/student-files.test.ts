// a student's weights, wherever they lie — plan
//   onnx      × every traced family: the initializers found by the scope of the nodes that use them equal the
//             safetensors to the bit, transposed, shared through Identity and all; a quantized graph and a parameter
//             that is not there are refused
//   gemma     × {traced, ours}: norms that exporters fold 1 + w into and norms that add it give the same weights, within
//             the rounding of the sum
//   builder   × {apart, joined}: the paths of ONNX Runtime's model builder, projections joined in one product
//   shards    an index and its files are one model; a shard that is not there, a tensor too few, a path that leaves the
//             folder are refused
//   stream    any cut of a file into chunks gives the same tensors (f32, f16, bf16); × {safetensors, ONNX of every family,
//             ONNX with a data file}; a cut file is refused
//   memory    loading takes at most 1.3 times the f32 size, for f32 and for f16 files, safetensors and ONNX, whose
//             matrices are transposed on the way, and ONNX with a data file
//   nothing   a folder without weights says what it needs
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { createRng } from "../../../src/config/rng";
import {
  loadStudentWeights,
  memoryFiles,
  type ModelFiles,
  type NamedTensor,
  readSafetensors,
  withOnnxGraph,
  writeSafetensors,
} from "../../../src/models";
import { floatsToHalves } from "../../../src/models/files/half";
import { tensorsFromOnnx } from "../../../src/models/onnx/parameters";
import { readOnnx } from "../../../src/models/onnx/wire";
import {
  intField,
  lengthField,
  modelProto,
  nodeProto,
  type Parts,
  tensorProto,
  valueInfo,
} from "../../../src/models/onnx/write";
import { createSafetensorsReader } from "../../../src/models/files/safetensors";
import { readStudentTensors } from "../../../src/models/student/student-files";
import { builderGraph as builtModel } from "./builder-graph";
import { encode, randomTensors, tinyConfig } from "./tiny";

const dir = join(import.meta.dirname, "../../fixtures/models");
const fixture = (name: string, path: string) => new Uint8Array(readFileSync(join(dir, name, path)));
const shapesOf = (tensors: ReadonlyMap<string, NamedTensor>) =>
  new Map([...tensors].map(([name, { shape }]) => [name, shape]));

const FAMILIES = ["llama", "llama-untied", "qwen2", "qwen3", "gpt2", "gpt_neox"];

test.each(FAMILIES)("%s: the ONNX initializers are the safetensors", (name) => {
  const tensors = readSafetensors(fixture(name, "model.safetensors"));
  const found = tensorsFromOnnx(readOnnx(fixture(name, "onnx/model.onnx")), shapesOf(tensors));
  expect([...found.keys()]).toEqual([...tensors.keys()]);
  for (const [key, { shape, data }] of tensors) {
    expect(found.get(key)!.shape, key).toEqual(shape);
    expect(Buffer.compare(bytes(found.get(key)!.data), bytes(data)), key).toBe(0);
  }
});

const bytes = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function random(shape: number[], seed: number): NamedTensor {
  const rng = createRng(seed);
  const size = shape.reduce((p, n) => p * n, 1);
  return { shape, data: Float32Array.from({ length: size }, () => Math.fround(rng.normal())) };
}
const flip = ({ shape: [rows = 0, cols = 0], data }: NamedTensor): Float32Array =>
  Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * cols + Math.floor(i / rows)]!);

test("gemma: norms with 1 + w folded in, and without", async () => {
  const files = folder(
    ["config.json", "model.safetensors", "onnx/model.onnx"].map((path) => [path, fixture("gemma3", path)]),
  );
  const { config, tensors } = await loadStudentWeights(files);
  const only = (graph: Uint8Array) =>
    folder([
      ["config.json", fixture("gemma3", "config.json")],
      ["onnx/model.onnx", graph],
    ]);
  const traced = await loadStudentWeights(only(fixture("gemma3", "onnx/model.onnx")));
  const ours = await loadStudentWeights(
    only(await (await withOnnxGraph(folder([]), config, tensors)).read("onnx/model.onnx")),
  );
  for (const [name, { data }] of tensors) {
    expect(Buffer.compare(bytes(ours.tensors.get(name)!.data), bytes(data)), name).toBe(0);
    const found = traced.tensors.get(name)!.data;
    if (!name.endsWith("norm.weight")) expect(Buffer.compare(bytes(found), bytes(data)), name).toBe(0);
    found.forEach((value, i) => expect(Math.abs(value - data[i]!), name).toBeLessThanOrEqual(2 ** -23));
  }
});

/** The attention products of a block, as the builder of onnxruntime-genai names them. */
function builderGraph(joined: boolean) {
  const [D, Q, KV] = [6, 8, 4];
  const names = ["q", "k", "v"] as const;
  const weights = names.map((name, i) => [name, random([name === "q" ? Q : KV, D], i + 1)] as const);
  const at = "/model/layers.0/attn";
  const product = (module: string, shape: number[], data: Float32Array) => ({
    node: nodeProto({
      op: "MatMul",
      name: `${at}/${module}/MatMul`,
      inputs: ["x", `model.layers.0.attn.${module}.MatMul.weight`],
      outputs: [`${at}/${module}/MatMul/output_0`],
    }),
    tensor: tensorProto(`model.layers.0.attn.${module}.MatMul.weight`, shape, 1, data),
  });
  const whole = random([Q + 2 * KV, D], 9);
  const rows = Float32Array.from(weights.flatMap(([, { data }]) => [...data]));
  const parts = joined
    ? [product("qkv_proj", [D, Q + 2 * KV], flip({ shape: whole.shape, data: rows }))]
    : weights.map(([name, w]) => product(`${name}_proj`, [D, w.shape[0]!], flip(w)));
  const graph = readOnnx(
    modelProto("g", {
      nodes: parts.map(({ node }) => node),
      initializers: parts.map(({ tensor }) => tensor),
      inputs: [valueInfo("x", 1, [1, D])],
      outputs: [],
    }),
  );
  const expected = new Map(
    weights.map(([name, w]) => [`model.layers.0.self_attn.${name}_proj.weight`, w] as const),
  );
  return { graph, expected };
}

test.each([["apart", false] as const, ["joined", true] as const])("builder paths, %s", (_, joined) => {
  const { graph, expected } = builderGraph(joined);
  const found = tensorsFromOnnx(graph, shapesOf(expected));
  for (const [name, { shape, data }] of expected) expect(found.get(name), name).toEqual({ shape, data });
});

test("a quantized graph and a parameter that is nowhere are refused", () => {
  const { graph, expected } = builderGraph(false);
  expect(() => tensorsFromOnnx(graph, new Map([...shapesOf(expected), ["model.norm.weight", [6]]]))).toThrow(
    /does not show where model\.norm\.weight is; take a folder with model\.safetensors/,
  );
  const node = nodeProto({
    op: "MatMulNBits",
    name: "/lm_head/MatMul_Q4",
    inputs: ["x", "q", "s"],
    outputs: ["y"],
  });
  const q4 = readOnnx(
    modelProto("q4", {
      nodes: [node],
      initializers: [tensorProto("q", [2, 1, 8], 2, new Uint8Array(16))],
      inputs: [],
      outputs: [],
    }),
  );
  expect(() => tensorsFromOnnx(q4, new Map())).toThrow(/quantized \(MatMulNBits\).*fp32 or fp16 ONNX file/);
});

const TENSORS = new Map([
  ["a.weight", random([3, 5], 1)],
  ["b.weight", random([7], 2)],
  ["c.weight", random([2, 2], 3)],
]);
const only = (...names: string[]) => new Map([...TENSORS].filter(([name]) => names.includes(name)));
const index = (map: object) => encode({ metadata: {}, weight_map: map });
const SHARDS = new Map([
  ["model-00001-of-00002.safetensors", writeSafetensors(only("a.weight", "c.weight"))],
  ["model-00002-of-00002.safetensors", writeSafetensors(only("b.weight"))],
]);
const [FIRST = "", SECOND = ""] = SHARDS.keys();
const MAP = { "a.weight": FIRST, "b.weight": SECOND, "c.weight": FIRST };
const folder = (entries: [string, Uint8Array][]) => memoryFiles("sharded", new Map(entries));

test("shards are one model", async () => {
  const files = folder([["model.safetensors.index.json", index(MAP)], ...SHARDS]);
  const seen: number[] = [];
  const { tensors } = await readStudentTensors(files, new Map(), {
    onProgress: (loaded) => seen.push(loaded),
  });
  expect(new Map([...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1)))).toEqual(TENSORS);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});

test.each([
  ["a shard that is not there", [...SHARDS].slice(0, 1), MAP, /needs model-00002/],
  ["a tensor too few", [...SHARDS], { ...MAP, "d.weight": SECOND }, /lists 4 tensors, its shards hold 3/],
  ["a path that leaves the folder", [...SHARDS], { ...MAP, x: "../x.safetensors" }, /\.safetensors files/],
  ["a map that is none", [...SHARDS], "x", /weight_map must name|expected \{"weight_map"/],
])("%s", async (_, shards, map, message) => {
  const files = folder([["model.safetensors.index.json", index(map as object)], ...shards]);
  await expect(readStudentTensors(files, new Map())).rejects.toThrow(message);
});

test("a folder without weights says what it needs", async () => {
  await expect(readStudentTensors(folder([]), new Map())).rejects.toThrow(
    /no weights to train from: it needs model\.safetensors, or .*index.* or a full-precision onnx\/model\.onnx/,
  );
});

function mixedFile(): Uint8Array {
  const header = {
    half: { dtype: "F16", shape: [3], data_offsets: [0, 6] },
    bfloat: { dtype: "BF16", shape: [2], data_offsets: [6, 10] },
    single: { dtype: "F32", shape: [2], data_offsets: [12, 20] }, // two bytes between belong to nobody
    none: { dtype: "F32", shape: [0, 4], data_offsets: [20, 20] },
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + 20);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(bytesOf(floatsToHalves(Float32Array.of(1, -2.5, 65504))), 8 + json.length);
  file.set(bytesOf(Uint16Array.of(0x3f80, 0xc049)), 8 + json.length + 6);
  file.set(bytesOf(Float32Array.of(0.1, 1e-30)), 8 + json.length + 12);
  return file;
}
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

test("any cut into chunks gives the same tensors", () => {
  const file = mixedFile();
  const whole = readSafetensors(file);
  expect([...whole.get("half")!.data]).toEqual([1, -2.5, 65504]);
  expect([...whole.get("bfloat")!.data]).toEqual([1, -3.140625]);
  const rng = createRng(4);
  for (let round = 0; round < 300; round++) {
    const reader = createSafetensorsReader(file.length);
    for (let at = 0; at < file.length;) {
      const size = round === 0 ? 1 : 1 + Math.floor(rng.next() * (round % 40));
      reader.push(file.slice(at, at + size));
      at += size;
    }
    expect(reader.end()).toEqual(whole);
  }
  const cut = createSafetensorsReader();
  cut.push(file.subarray(0, file.length - 3));
  expect(() => cut.end()).toThrow(/single ends at byte 20 of the data, but only 17 bytes are there/);
});

/** A folder whose ONNX file and data files come in pieces of random length. */
function inPieces(entries: [string, Uint8Array][], seed: number): ModelFiles {
  const map = new Map(entries);
  const rng = createRng(seed);
  return {
    ...memoryFiles("pieces", map),
    async stream(path) {
      const bytes = map.get(path)!;
      async function* chunks() {
        for (let at = 0; at < bytes.length;) {
          const size = 1 + rng.int(rng.int(4) ? 5000 : 3);
          yield bytes.slice(at, (at += size));
        }
      }
      return { size: bytes.length, chunks: chunks() };
    },
  };
}

test.each(FAMILIES)("%s: an ONNX file in pieces gives the same tensors", async (name) => {
  const tensors = readSafetensors(fixture(name, "model.safetensors"));
  const file = fixture(name, "onnx/model.onnx");
  for (const seed of [1, 2]) {
    const read = await readStudentTensors(inPieces([["onnx/model.onnx", file]], seed), shapesOf(tensors));
    expect(read.tensors).toEqual(tensors);
  }
  const cut = inPieces([["onnx/model.onnx", file.subarray(0, file.length - 50)]], 3);
  await expect(readStudentTensors(cut, shapesOf(tensors))).rejects.toThrow(/cut-off ONNX.*download the file/);
});

test("an ONNX file with a data file beside it, in pieces", async () => {
  const config = { ...tinyConfig, hiddenSize: 32, headDim: 8, tiedEmbeddings: false };
  const tensors = randomTensors(config, 7);
  const { model, data } = builtModel(config, tensors, { external: "model.onnx_data" });
  const read = (bytes: Uint8Array) =>
    readStudentTensors(
      inPieces(
        [
          ["onnx/model.onnx", model],
          ["onnx/model.onnx_data", bytes],
        ],
        5,
      ),
      shapesOf(tensors),
    );
  expect((await read(data)).tensors).toEqual(tensors);
  await expect(read(data.subarray(0, 9000))).rejects.toThrow(
    /lies at bytes \d+ to \d+ of onnx\/model\.onnx_data, which has 9000\. Download it again/,
  );
});

/** The most that loading a folder took, over the f32 size of its tensors. */
function peakOf(folder: ReadonlyMap<string, Uint8Array>, elements: number, expected: object = {}): number {
  const at = mkdtempSync(join(tmpdir(), "couplet-memory-"));
  try {
    mkdirSync(join(at, "onnx"));
    for (const [path, bytes] of folder) writeFileSync(join(at, path), bytes);
    const script = join(import.meta.dirname, "../../support/measure-load.mjs");
    const args = ["--expose-gc", script, at, JSON.stringify(expected)];
    const { peak, sum } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as {
      peak: number;
      sum: number;
    };
    expect(sum).toBe(elements);
    return peak / (elements * 4);
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}
const [COUNT, ROWS, COLS] = [12, 1024, 2048]; // 100 MB in f32

test.each(["F32", "F16"])("memory: %s takes at most 1.3 times its f32 size", (dtype) => {
  const bytesEach = ROWS * COLS * (dtype === "F32" ? 4 : 2);
  const header = Object.fromEntries(
    Array.from({ length: COUNT }, (_, i) => [
      `t${i}`,
      { dtype, shape: [ROWS, COLS], data_offsets: [i * bytesEach, (i + 1) * bytesEach] },
    ]),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + COUNT * bytesEach).fill(60, 8 + json.length); // 0x3c3c: about 1
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  const peak = peakOf(new Map([["model.safetensors", file]]), COUNT * ROWS * COLS);
  expect(peak).toBeLessThan(1.3);
  expect(peak).toBeGreaterThan(0.9); // control: the tensors themselves are counted
});

test.each([
  ["f32", 1, false],
  ["f16", 10, false],
  ["f32 in a data file", 1, true],
])("memory: ONNX, %s, takes at most 1.3 times its f32 size", (_, type, away) => {
  const bytesEach = ROWS * COLS * (type === 1 ? 4 : 2);
  const weights = new Uint8Array(bytesEach).fill(60);
  const names = Array.from({ length: COUNT }, (__, i) => `model.layers.${i}.mlp.up_proj`);
  const place = (i: number): Parts => {
    const pairs = Object.entries({ location: "model.onnx_data", offset: i * bytesEach, length: bytesEach });
    return [
      ...pairs.flatMap(([key, value]) =>
        lengthField(13, [...lengthField(1, key), ...lengthField(2, `${value}`)]),
      ),
      intField(14, 1),
    ];
  };
  const model = modelProto("g", {
    nodes: names.map((name, i) =>
      nodeProto({
        op: "MatMul",
        name: `/${name.replaceAll(".", "/")}/MatMul`,
        inputs: ["x", `onnx::MatMul_${i}`],
        outputs: [name],
      }),
    ),
    initializers: names.map((__, i) =>
      away
        ? [...tensorProto(`onnx::MatMul_${i}`, [COLS, ROWS], type, new Uint8Array(0)), ...place(i)]
        : tensorProto(`onnx::MatMul_${i}`, [COLS, ROWS], type, weights),
    ),
    inputs: [valueInfo("x", 1, [1, COLS])],
    outputs: [],
  });
  const folder = new Map([["onnx/model.onnx", model]]);
  if (away) folder.set("onnx/model.onnx_data", new Uint8Array(COUNT * bytesEach).fill(60));
  const expected = Object.fromEntries(names.map((name) => [`${name}.weight`, [ROWS, COLS]]));
  const peak = peakOf(folder, COUNT * ROWS * COLS, expected);
  expect(peak).toBeLessThan(1.3);
  expect(peak).toBeGreaterThan(0.9);
});

// A trained student as a model folder: what Hugging Face Transformers, transformers.js and Couplet itself can load.

import { BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "../../config/bundled";
import { modelConfigJson, type StudentConfig } from "../families/config";
import { asObject } from "../families/config-fields";
import { memoryFiles, type ModelFiles, readJson } from "../files/files";
import { CARD_FILE, MANIFEST_FILE, modelCard, publicManifest, type RunManifest } from "./model-card";
import { studentToOnnx } from "../onnx/export";
import { type NamedTensor, writeSafetensors } from "../files/safetensors";
import { ONNX_FILE } from "../teacher/session";
import { checkTensors, expectedTensors } from "./student-weights";

const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"];
const OPTIONAL_FILES = [
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
];
/** What the source says about its own files, which ours need not share. */
const OF_THE_SOURCE = [
  "dtype",
  "torch_dtype",
  "transformers_version",
  "_name_or_path",
  "transformers.js_config",
];

export const HALF_ONNX_FILE = "onnx/model_fp16.onnx";

export interface ExportOptions {
  /** Adds onnx/model_fp16.onnx, whose weights are rounded to f16. */
  readonly half?: boolean;
  /** Adds a model card and the run itself. */
  readonly manifest?: RunManifest;
}

/** `source` is the folder the student came from; its tokenizer is copied byte for byte. */
export async function exportStudentFolder(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  source: ModelFiles,
  options: ExportOptions = {},
): Promise<Map<string, Uint8Array>> {
  const checked = checkTensors(config, tensors);
  const folder = await studentFolderFiles(config, source, options);
  folder.set("model.safetensors", writeSafetensors(checked));
  folder.set(ONNX_FILE, studentToOnnx(config, checked));
  if (options.half) folder.set(HALF_ONNX_FILE, studentToOnnx(config, checked, { half: true }));
  return folder;
}

/** The folder without the weights. */
export async function studentFolderFiles(
  config: StudentConfig,
  source: ModelFiles,
  { half = false, manifest }: ExportOptions = {},
): Promise<Map<string, Uint8Array>> {
  const folder = new Map<string, Uint8Array>();
  folder.set("config.json", json(await withSourceFields(source, modelConfigJson(config))));
  const stops = { eos_token_id: config.eosId, pad_token_id: config.padId };
  folder.set(
    "generation_config.json",
    json({ ...(await optional(source, "generation_config.json")), ...stops }),
  );
  for (const path of TOKENIZER_FILES) folder.set(path, await source.read(path));
  for (const path of OPTIONAL_FILES) {
    if (await source.has(path)) folder.set(path, await source.read(path));
  }
  if (manifest) {
    const parameters = [...expectedTensors(config).values()].reduce(
      (sum, shape) => sum + shape.reduce((product, n) => product * n, 1),
      0,
    );
    const license = await licenseOf(source, manifest.config.student);
    folder.set(MANIFEST_FILE, json(publicManifest(manifest)));
    const card = modelCard(manifest, { config, parameters, half, license });
    folder.set(CARD_FILE, new TextEncoder().encode(card));
  }
  return folder;
}

/** What the source's own card says in its head; the bundled models are the project's own. */
async function licenseOf(source: ModelFiles, student: string): Promise<string | undefined> {
  if ([...BUNDLED_STUDENTS, ...BUNDLED_TEACHERS].some((name) => name === student)) return "mit";
  if (source.asking || !(await source.has(CARD_FILE))) return undefined;
  const card = new TextDecoder().decode(await source.read(CARD_FILE));
  const [, head = ""] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card) ?? [];
  const [, license] = /^license:\s*["']?([\w.-]+)["']?\s*$/m.exec(head) ?? [];
  return license;
}

/** A folder that has weights but no graph, with the graph that we would write: any student can be run as it came. */
export async function withOnnxGraph(
  files: ModelFiles,
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<ModelFiles> {
  if (await files.has(ONNX_FILE)) return files;
  const graph = memoryFiles(files.id, new Map([[ONNX_FILE, studentToOnnx(config, tensors)]]));
  return {
    id: files.id,
    read: (path, onProgress) => (path === ONNX_FILE ? graph : files).read(path, onProgress),
    has: async (path) => path === ONNX_FILE || files.has(path),
  };
}

/** Fields that we neither read nor change, such as bos_token_id, survive the journey. */
async function withSourceFields(
  source: ModelFiles,
  ours: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const theirs = Object.entries(await optional(source, "config.json"));
  const kept = theirs.filter(([field]) => !(field in ours) && !OF_THE_SOURCE.includes(field));
  return { ...ours, ...Object.fromEntries(kept) };
}

async function optional(source: ModelFiles, path: string): Promise<Record<string, unknown>> {
  return (await source.has(path)) ? asObject(await readJson(source, path)) : {};
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

// A trained student as a model folder: what Hugging Face Transformers, transformers.js and Couplet itself can load.

import { type LlamaConfig, modelConfigJson } from "./config";
import type { ModelFiles } from "./files";
import { llamaToOnnx } from "./onnx-export";
import { type NamedTensor, writeSafetensors } from "./safetensors";
import { checkTensors } from "./student-weights";

const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"];
const OPTIONAL_FILES = ["special_tokens_map.json"];

/** `tokenizerFiles` is the folder the student came from; its tokenizer is copied byte for byte. */
export async function exportStudentFolder(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  tokenizerFiles: ModelFiles,
): Promise<Map<string, Uint8Array>> {
  const checked = checkTensors(config, tensors);
  const folder = new Map<string, Uint8Array>();
  folder.set("config.json", json(modelConfigJson(config)));
  folder.set("generation_config.json", json({ eos_token_id: config.eosId, pad_token_id: config.padId }));
  for (const path of TOKENIZER_FILES) folder.set(path, await tokenizerFiles.read(path));
  for (const path of OPTIONAL_FILES) {
    if (await tokenizerFiles.has(path)) folder.set(path, await tokenizerFiles.read(path));
  }
  folder.set("model.safetensors", writeSafetensors(checked));
  folder.set("onnx/model.onnx", llamaToOnnx(config, checked));
  return folder;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

// config.json of a student, read into the few numbers the engine needs. Whatever would change the arithmetic and is
// not implemented is refused here, by name, rather than trained wrongly. Each family reads its own: src/models/families.

import { asObject, type Json, unsupported } from "./config-fields";
import { withFile } from "../errors";
import { type Gemma3Config, gemma3Json, parseGemma3 } from "./gemma3";
import { type Gpt2Config, gpt2Json, parseGpt2 } from "./gpt2";
import { type GptNeoxConfig, gptNeoxJson, parseGptNeox } from "./gpt-neox";
import { type LlamaConfig, llamaJson, parseLlama } from "./llama";
import { type ModelFiles, readJson } from "../files/files";

export { asObject } from "./config-fields";
export type { RopeScaling } from "./config-rope";
export type { Gemma3Config, Gpt2Config, GptNeoxConfig, LlamaConfig };

/** What a student may be: told apart by modelType. */
export type StudentConfig = LlamaConfig | Gpt2Config | GptNeoxConfig | Gemma3Config;

const SUPPORTED =
  '"llama" (SmolLM2, TinyLlama and the bundled models), "qwen2", "qwen3", "gpt2", "gpt_neox" (Pythia) or "gemma3_text"';

export async function loadModelConfig(files: ModelFiles): Promise<StudentConfig> {
  const json = await readJson(files, "config.json");
  return withFile("config.json", () => parseModelConfig(json));
}

export function parseModelConfig(json: unknown): StudentConfig {
  const config = asObject(json);
  refuseMixtures(config);
  const type = config["model_type"];
  switch (type) {
    case "llama":
    case "qwen2":
    case "qwen3":
      return parseLlama(config, type);
    case "gpt2":
      return parseGpt2(config);
    case "gpt_neox":
      return parseGptNeox(config);
    case "gemma3_text":
      return parseGemma3(config);
    default:
      throw unsupported("model_type", type, SUPPORTED);
  }
}

/** The inverse of parseModelConfig: what a folder we write says about itself. */
export function modelConfigJson(config: StudentConfig): Json {
  switch (config.modelType) {
    case "llama":
    case "qwen2":
    case "qwen3":
      return llamaJson(config);
    case "gpt2":
      return gpt2Json(config);
    case "gpt_neox":
      return gptNeoxJson(config);
    case "gemma3_text":
      return gemma3Json(config);
  }
}

function refuseMixtures(config: Json): void {
  if (config["quantization_config"]) {
    throw unsupported("quantization_config", config["quantization_config"], "weights in F32, F16 or BF16");
  }
  for (const field of ["num_experts", "num_local_experts", "n_routed_experts"]) {
    const experts = config[field];
    if (typeof experts === "number" && experts > 1)
      throw unsupported(field, experts, "one feed-forward part in each layer, not a mixture of experts");
  }
}

// The families of models that we train, and config.json of a student, read into the few numbers the engine needs.
// Whatever would change the arithmetic and is not implemented is refused, by name, rather than trained wrongly.

import { withFile } from "../errors";
import { type ModelFiles, readJson } from "../files/files";
import { asObject, type Json, unsupported } from "./config-fields";
import type { Family, ModelType } from "./family";
import { gemma3 } from "./gemma3";
import { gpt2 } from "./gpt2";
import { gptNeox } from "./gpt-neox";
import { llama } from "./llama";

const FAMILIES = [llama, gpt2, gptNeox, gemma3] as const;

/** What a student may be: told apart by modelType. */
export type StudentConfig = ReturnType<(typeof FAMILIES)[number]["parse"]>;
export type FamilyId = (typeof FAMILIES)[number]["id"];

const BY_TYPE: ReadonlyMap<string, Family & { readonly id: FamilyId }> = new Map(
  FAMILIES.flatMap((family) => Object.keys(family.types).map((type) => [type, family] as const)),
);

/** All types of all families, in order. */
export const MODEL_TYPES: Readonly<Record<string, ModelType>> = Object.assign(
  {},
  ...FAMILIES.map(({ types }) => types),
);

/** The modules that hold a network, and those of a head, whatever the family. */
export const ROOTS: readonly string[] = [...new Set(FAMILIES.map(({ root }) => root))];
export const HEADS: readonly string[] = [...new Set(FAMILIES.flatMap(({ heads }) => heads))];

/** The family of a config. */
export function familyOf({ modelType }: StudentConfig): Family & { readonly id: FamilyId } {
  const family = BY_TYPE.get(modelType);
  if (!family) throw unsupported("model_type", modelType, supported());
  return family;
}

export async function loadModelConfig(files: ModelFiles): Promise<StudentConfig> {
  const json = await readJson(files, "config.json");
  return withFile("config.json", () => parseModelConfig(json));
}

export function parseModelConfig(json: unknown): StudentConfig {
  const config = asObject(json);
  refuseMixtures(config);
  const type = config["model_type"];
  const family = typeof type === "string" ? BY_TYPE.get(type) : undefined;
  if (typeof type !== "string" || !family) throw unsupported("model_type", type, supported());
  return family.parse(config, type) as StudentConfig;
}

/** The inverse of parseModelConfig: what a folder we write says about itself. */
export const modelConfigJson = (config: StudentConfig): Json => familyOf(config).json(config);

/** "llama" (SmolLM2, …), "qwen2" … or "gemma3_text". */
function supported(): string {
  const names = Object.entries(MODEL_TYPES).map(
    ([type, { known }]) => `"${type}"${known === undefined ? "" : ` (${known})`}`,
  );
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
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

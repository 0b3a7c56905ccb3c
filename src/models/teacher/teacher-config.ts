// What a teacher's config.json says: the few numbers that running and tapping it need.

import { asObject } from "../families/config-fields";
import { ModelError, withFile } from "../errors";
import { type ModelFiles, readJson } from "../files/files";
import { decoderOf, SUPPORTED_DECODERS } from "./decoders";

export interface TeacherConfig {
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Transformer blocks. */
  readonly layers: number;
}

/** What a teacher's config.json says, without its graph. */
export async function loadTeacherConfig(files: ModelFiles): Promise<TeacherConfig> {
  const json = await readJson(files, "config.json");
  return withFile("config.json", () => teacherConfig(json));
}

/** A teacher only has to run, so more families will do than for a student. */
export function teacherConfig(json: unknown): TeacherConfig {
  const config = asObject(json);
  const modelType = config["model_type"];
  const decoder = decoderOf(modelType);
  if (typeof modelType !== "string" || !decoder) {
    const message = `model_type is ${JSON.stringify(modelType)}; supported for a teacher are ${SUPPORTED_DECODERS}`;
    throw new ModelError("unsupported", message);
  }
  const size = (...fields: string[]): number => {
    const value = fields.map((field) => config[field]).find((v) => v !== undefined);
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
    throw new ModelError(
      "invalid",
      `${fields[0]} must be a whole number above 0, got ${JSON.stringify(value)}`,
    );
  };
  return {
    modelType,
    hiddenSize: size("hidden_size", "n_embd"),
    vocabSize: size("vocab_size"),
    maxPositions:
      (config["max_position_embeddings"] ?? config["n_positions"] ?? undefined) === undefined
        ? decoder.maxPositions
        : size("max_position_embeddings", "n_positions"),
    layers: size("num_hidden_layers", "n_layer"),
  };
}

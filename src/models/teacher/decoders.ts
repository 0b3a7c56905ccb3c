// What a teacher may be: it only has to run in ONNX Runtime, so more model types will do than for a student.

import { MODEL_TYPES } from "../families/config";
import type { ModelType } from "../families/family";

const DECODERS: Readonly<Record<string, ModelType>> = {
  ...MODEL_TYPES,
  mistral: { decoder: "MistralForCausalLM", maxPositions: 131_072 },
};

export const SUPPORTED_DECODERS = Object.keys(DECODERS).join(", ");

/** What is known of a model_type; undefined for one that is not a supported decoder. All are fed alike. */
export const decoderOf = (type: unknown): ModelType | undefined =>
  typeof type === "string" && Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined;

// config.json of a Llama-family model, read into the few numbers the engine needs. Whatever would change the
// arithmetic and is not implemented is refused here, by name, rather than trained wrongly.

import { ModelError, withFile } from "./errors";
import { type ModelFiles, readJson } from "./files";

export interface LlamaConfig {
  readonly modelType: "llama";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly maxPositions: number;
  readonly tiedEmbeddings: boolean;
  readonly eosId: number;
  readonly padId: number;
}

/** What a student may be: told apart by modelType. */
export type StudentConfig = LlamaConfig;

type Json = Record<string, unknown>;

/** A size beyond this is a broken file, not a model for a browser tab. */
const MAX_SIZE = 2 ** 24;

export async function loadModelConfig(files: ModelFiles): Promise<LlamaConfig> {
  const json = await readJson(files, "config.json");
  return withFile("config.json", () => parseModelConfig(json));
}

export function parseModelConfig(json: unknown): LlamaConfig {
  const config = asObject(json);
  refuseOtherArithmetic(config);
  const hiddenSize = size(config, "hidden_size");
  const heads = size(config, "num_attention_heads");
  const kvHeads = size(config, "num_key_value_heads", heads);
  const headDim = size(config, "head_dim", hiddenSize / heads);
  const vocabSize = size(config, "vocab_size");
  const eosId = tokenId(config, "eos_token_id", vocabSize);
  if (heads % kvHeads !== 0) {
    throw invalid(`num_attention_heads (${heads}) must be a multiple of num_key_value_heads (${kvHeads})`);
  }
  if (headDim % 2 !== 0) throw invalid(`head_dim must be even for rotary positions, got ${headDim}`);
  if (eosId === undefined) throw invalid("eos_token_id is missing; the student could never learn to stop");
  return {
    modelType: "llama",
    vocabSize,
    hiddenSize,
    intermediateSize: size(config, "intermediate_size"),
    layers: size(config, "num_hidden_layers"),
    heads,
    kvHeads,
    headDim,
    rmsNormEps: positive(config, "rms_norm_eps", 1e-6),
    ropeTheta: ropeTheta(config),
    maxPositions: size(config, "max_position_embeddings", 2048),
    tiedEmbeddings: config["tie_word_embeddings"] === true,
    eosId,
    padId: tokenId(config, "pad_token_id", vocabSize) ?? eosId,
  };
}

/** The inverse of parseModelConfig: what a folder we write says about itself. */
export function modelConfigJson(config: LlamaConfig): Json {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: "silu",
    attention_bias: false,
    mlp_bias: false,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    rope_scaling: null,
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: config.tiedEmbeddings,
    eos_token_id: config.eosId,
    pad_token_id: config.padId,
    torch_dtype: "float32",
    use_cache: true,
  };
}

export function asObject(json: unknown): Json {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    const came = Array.isArray(json) ? "an array" : json === null ? "null" : typeof json;
    throw invalid(`expected a JSON object, got ${came}`);
  }
  return { ...json };
}

function refuseOtherArithmetic(config: Json): void {
  if (config["model_type"] !== "llama") {
    throw unsupported(
      "model_type",
      config["model_type"],
      '"llama" (SmolLM2, TinyLlama and the bundled models)',
    );
  }
  const act = config["hidden_act"] ?? "silu";
  if (act !== "silu") throw unsupported("hidden_act", act, '"silu"');
  for (const field of ["attention_bias", "mlp_bias"]) {
    if (config[field]) throw unsupported(field, config[field], "false: layers without bias");
  }
  const scaling = config["rope_scaling"] ?? null;
  if (scaling !== null && !isDefaultRope(scaling)) {
    throw unsupported("rope_scaling", scaling, "null: plain rotary positions");
  }
  const rope = config["rope_parameters"] ?? null;
  if (rope !== null && !isDefaultRope(rope)) {
    throw unsupported("rope_parameters", rope, '{"rope_type": "default"}');
  }
  if (config["quantization_config"]) {
    throw unsupported("quantization_config", config["quantization_config"], "weights in F32, F16 or BF16");
  }
}

function isDefaultRope(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const rope: Json = { ...value };
  return (rope["rope_type"] ?? rope["type"] ?? "default") === "default";
}

/** Newer files keep theta in rope_parameters; older ones beside it. */
function ropeTheta(config: Json): number {
  const nested = config["rope_parameters"];
  const from = typeof nested === "object" && nested !== null ? { ...config, ...nested } : config;
  return positive(from, "rope_theta", 10_000);
}

function size(config: Json, field: string, fallback?: number): number {
  const value = config[field] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_SIZE) {
    throw invalid(`${field} must be a whole number from 1 to ${MAX_SIZE}, got ${show(value)}`);
  }
  return value;
}

function positive(config: Json, field: string, fallback: number): number {
  const value = config[field] ?? fallback;
  if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
    throw invalid(`${field} must be a number above 0, got ${show(value)}`);
  }
  return value;
}

/** Token ids may be lists (several ways to stop): the first is the one we train on. */
function tokenId(config: Json, field: string, vocabSize: number): number | undefined {
  const raw = config[field] ?? undefined;
  const value: unknown = Array.isArray(raw) ? raw[0] : raw;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= vocabSize) {
    throw invalid(`${field} must be a token id below vocab_size (${vocabSize}), got ${show(value)}`);
  }
  return value;
}

const show = (value: unknown): string =>
  value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);

const invalid = (message: string): ModelError => new ModelError("invalid", message);

const unsupported = (field: string, came: unknown, supported: string): ModelError =>
  new ModelError(
    "unsupported",
    `${field} is ${show(came)}; supported is ${supported}. Choose another model.`,
  );

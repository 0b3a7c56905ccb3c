// GPT-2: layer norms, learned positions, one fused projection for queries, keys and values, matrices stored [in, out].

import { flag, invalid, type Json, only, positive, size, unsupported } from "./config-fields";
import { type CommonConfig, type Shapes, tokenIds, tokenJson } from "./common";

export type GeluName = "gelu" | "gelu_new" | "gelu_pytorch_tanh";

export interface Gpt2Config extends CommonConfig {
  readonly modelType: "gpt2";
  readonly layerNormEps: number;
  readonly activation: GeluName;
}

export function geluName(config: Json, field: string, fallback: GeluName): GeluName {
  const value = config[field] ?? fallback;
  if (value === "gelu" || value === "gelu_new" || value === "gelu_pytorch_tanh") return value;
  throw unsupported(field, value, '"gelu", "gelu_new" or "gelu_pytorch_tanh"');
}

export function parseGpt2(config: Json): Gpt2Config {
  only(config, "scale_attn_weights", [true], "true: scores are divided by √head");
  only(config, "scale_attn_by_inverse_layer_idx", [false], "false: every layer scales scores alike");
  only(config, "add_cross_attention", [false], "false: a decoder without an encoder");
  const hiddenSize = size(config, "n_embd");
  const heads = size(config, "n_head", 12);
  const vocabSize = size(config, "vocab_size");
  if (hiddenSize % heads !== 0)
    throw invalid(`n_embd (${hiddenSize}) must be a multiple of n_head (${heads})`);
  return {
    modelType: "gpt2",
    vocabSize,
    hiddenSize,
    intermediateSize: size(config, "n_inner", 4 * hiddenSize),
    layers: size(config, "n_layer"),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    maxPositions: size(config, "n_positions", 1024),
    tiedEmbeddings: flag(config, "tie_word_embeddings", true),
    ...tokenIds(config, vocabSize),
    layerNormEps: positive(config, "layer_norm_epsilon", 1e-5),
    activation: geluName(config, "activation_function", "gelu_new"),
  };
}

export const gpt2Json = (config: Gpt2Config): Json => ({
  architectures: ["GPT2LMHeadModel"],
  model_type: "gpt2",
  vocab_size: config.vocabSize,
  n_embd: config.hiddenSize,
  n_inner: config.intermediateSize,
  n_layer: config.layers,
  n_head: config.heads,
  n_positions: config.maxPositions,
  n_ctx: config.maxPositions,
  ...tokenJson(config),
  layer_norm_epsilon: config.layerNormEps,
  activation_function: config.activation,
});

export function gpt2Shapes(config: Gpt2Config): Shapes {
  const { hiddenSize: d, intermediateSize: f, vocabSize } = config;
  const shapes: Shapes = new Map();
  const set = (module: string, weight: readonly number[]) => {
    shapes.set(`${module}.weight`, weight);
    shapes.set(`${module}.bias`, weight.slice(-1));
  };
  shapes.set("transformer.wte.weight", [vocabSize, d]);
  shapes.set("transformer.wpe.weight", [config.maxPositions, d]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `transformer.h.${layer}`;
    set(`${at}.ln_1`, [d]);
    set(`${at}.attn.c_attn`, [d, 3 * d]);
    set(`${at}.attn.c_proj`, [d, d]);
    set(`${at}.ln_2`, [d]);
    set(`${at}.mlp.c_fc`, [d, f]);
    set(`${at}.mlp.c_proj`, [f, d]);
  }
  set("transformer.ln_f", [d]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, d]);
  return shapes;
}

/** The first releases lack the prefix, and store the causal mask beside the weights. */
export function gpt2Name(stored: string): string | undefined {
  if (/\.attn\.(masked_)?bias$/.test(stored)) return undefined;
  return /^(wte|wpe|h|ln_f)\./.test(stored) ? `transformer.${stored}` : stored;
}

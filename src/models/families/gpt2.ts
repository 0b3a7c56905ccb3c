// GPT-2: layer norms, learned positions, one fused projection for queries, keys and values, matrices stored [in, out].

import { flag, invalid, type Json, only, positive, size, unsupported } from "./config-fields";
import { type Builder, scope } from "../onnx/builder";
import {
  attend,
  attentionMask,
  blocks,
  columns,
  gelu,
  head,
  layerNorm,
  lookup,
  splitHeads,
} from "../onnx/parts";
import { type CommonConfig, type Shapes, tokenIds, tokenJson } from "./common";
import type { Family } from "./family";

const types = { gpt2: { decoder: "GPT2LMHeadModel", maxPositions: 1024 } } as const;

export type GeluName = "gelu" | "gelu_new" | "gelu_pytorch_tanh";

export interface Gpt2Config extends CommonConfig {
  readonly modelType: "gpt2";
  readonly layerNormEps: number;
  readonly activation: GeluName;
}

/** gelu_new and gelu_pytorch_tanh are the same function. */
export const geluForm = (activation: GeluName): "erf" | "tanh" => (activation === "gelu" ? "erf" : "tanh");

export function geluName(config: Json, field: string, fallback: GeluName): GeluName {
  const value = config[field] ?? fallback;
  if (value === "gelu" || value === "gelu_new" || value === "gelu_pytorch_tanh") return value;
  throw unsupported(field, value, '"gelu", "gelu_new" or "gelu_pytorch_tanh"');
}

function parse(config: Json): Gpt2Config {
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
    maxPositions: size(config, "n_positions", types.gpt2.maxPositions),
    tiedEmbeddings: flag(config, "tie_word_embeddings", true),
    ...tokenIds(config, vocabSize),
    layerNormEps: positive(config, "layer_norm_epsilon", 1e-5),
    activation: geluName(config, "activation_function", "gelu_new"),
  };
}

const json = (config: Gpt2Config): Json => ({
  architectures: [types.gpt2.decoder],
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

function shapes(config: Gpt2Config): Shapes {
  const { hiddenSize: d, intermediateSize: f, vocabSize } = config;
  const all: Shapes = new Map();
  const set = (module: string, weight: readonly number[]) => {
    all.set(`${module}.weight`, weight);
    all.set(`${module}.bias`, weight.slice(-1));
  };
  all.set("transformer.wte.weight", [vocabSize, d]);
  all.set("transformer.wpe.weight", [config.maxPositions, d]);
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
  if (!config.tiedEmbeddings) all.set("lm_head.weight", [vocabSize, d]);
  return all;
}

/** The first releases lack the prefix, and store the causal mask beside the weights. */
function weightName(stored: string): string | undefined {
  if (/\.attn\.(masked_)?bias$/.test(stored)) return undefined;
  return /^(wte|wpe|h|ln_f)\./.test(stored) ? `transformer.${stored}` : stored;
}

function graph(onnx: Builder, config: Gpt2Config): void {
  const { heads, headDim, hiddenSize: d, layerNormEps: eps } = config;
  const mask = attentionMask(onnx);
  const block = (x: string, layer: number): string => {
    const module = `transformer.h.${layer}`;
    const at = scope(module);
    const fused = onnx.conv1d(`${module}.attn.c_attn`, layerNorm(onnx, x, `${module}.ln_1`, eps));
    const part = (which: string, i: number): string =>
      splitHeads(
        onnx,
        `${at}/attn/${which}`,
        columns(onnx, `${at}/attn/Slice_${which}`, fused, i * d, (i + 1) * d),
        heads,
        headDim,
      );
    const [q, k, v] = [part("q", 0), part("k", 1), part("v", 2)];
    const attended = attend(onnx, config, { layer, at: `${at}/attn`, q, k, v, mask });
    const between = onnx.node("Add", `${at}/Add`, [x, onnx.conv1d(`${module}.attn.c_proj`, attended)]);
    const inner = onnx.conv1d(`${module}.mlp.c_fc`, layerNorm(onnx, between, `${module}.ln_2`, eps));
    const active = gelu(onnx, `${at}/mlp/act`, inner, geluForm(config.activation));
    return onnx.node("Add", `${at}/Add_1`, [between, onnx.conv1d(`${module}.mlp.c_proj`, active)]);
  };
  const positions = onnx.node("Gather", "/transformer/wpe/Gather", [
    onnx.weight("transformer.wpe.weight"),
    "position_ids",
  ]);
  const start = onnx.node("Add", "/transformer/Add", [lookup(onnx, "transformer.wte"), positions]);
  const stream = blocks(config, start, block);
  head(onnx, config, layerNorm(onnx, stream, "transformer.ln_f", eps), "lm_head", "transformer.wte");
}

export const gpt2 = {
  id: "gpt2",
  types,
  parse,
  json,
  shapes,
  weightName,
  root: "transformer",
  heads: ["lm_head"],
  normOffset: 0,
  graph,
} as const satisfies Family<Gpt2Config>;

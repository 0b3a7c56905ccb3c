// GPT-NeoX (Pythia): layer norms, attention and feed-forward side by side, part of each head rotated, one fused
// projection that holds query, key and value head by head.

import { flag, invalid, type Json, positive } from "./config-fields";
import { parseRope, ropeJson, type RopeScaling } from "./config-rope";
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
  rotaryTables,
  rotate,
  splitHeads,
} from "../onnx/parts";
import { type CommonConfig, commonConfig, commonJson, type Shapes } from "./common";
import type { Family } from "./family";
import { geluForm, type GeluName, geluName } from "./gpt2";

const types = {
  gpt_neox: { decoder: "GPTNeoXForCausalLM", maxPositions: 2048, known: "Pythia" },
} as const;

export interface GptNeoxConfig extends CommonConfig {
  readonly modelType: "gpt_neox";
  readonly layerNormEps: number;
  readonly activation: GeluName;
  /** Attention and feed-forward read the same residual stream, each through its own norm. */
  readonly parallelResidual: boolean;
  readonly attentionBias: boolean;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  /** Values of each head that are rotated. */
  readonly rotary: number;
}

function parse(config: Json): GptNeoxConfig {
  const { head_dim: _unused, num_key_value_heads: _none, ...rest } = config; // GPT-NeoX has neither
  const common = commonConfig(rest, { tied: false, maxPositions: types.gpt_neox.maxPositions, heads: 64 });
  const older = { partial_rotary_factor: config["rotary_pct"], rope_theta: config["rotary_emb_base"] };
  const rope = parseRope({ ...older, ...config }, 10_000, 0.25);
  const rotary = Math.trunc(common.headDim * rope.share);
  if (rotary < 2 || rotary % 2 !== 0)
    throw invalid(
      `rotary_pct must leave an even number of values to rotate, got ${rotary} of ${common.headDim}`,
    );
  return {
    modelType: "gpt_neox",
    ...common,
    layerNormEps: positive(config, "layer_norm_eps", 1e-5),
    activation: geluName(config, "hidden_act", "gelu"),
    parallelResidual: flag(config, "use_parallel_residual", true),
    attentionBias: flag(config, "attention_bias", true),
    ropeTheta: rope.theta,
    ...(rope.scaling && { ropeScaling: rope.scaling }),
    rotary,
  };
}

function json(config: GptNeoxConfig): Json {
  const { num_key_value_heads: _kv, head_dim: _head, ...common } = commonJson(config);
  const { ropeTheta: theta, ropeScaling: scaling } = config;
  const share = config.rotary / config.headDim;
  return {
    architectures: [types.gpt_neox.decoder],
    model_type: "gpt_neox",
    ...common,
    layer_norm_eps: config.layerNormEps,
    hidden_act: config.activation,
    use_parallel_residual: config.parallelResidual,
    attention_bias: config.attentionBias,
    rotary_pct: share,
    rotary_emb_base: theta,
    rope_scaling: scaling ? ropeJson({ theta, share, scaling }) : null,
  };
}

function shapes(config: GptNeoxConfig): Shapes {
  const { hiddenSize: d, intermediateSize: f, vocabSize } = config;
  const all: Shapes = new Map();
  const set = (module: string, weight: readonly number[], bias = true) => {
    all.set(`${module}.weight`, weight);
    if (bias) all.set(`${module}.bias`, weight.slice(0, 1));
  };
  all.set("gpt_neox.embed_in.weight", [vocabSize, d]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `gpt_neox.layers.${layer}`;
    set(`${at}.input_layernorm`, [d]);
    set(`${at}.attention.query_key_value`, [3 * d, d], config.attentionBias);
    set(`${at}.attention.dense`, [d, d], config.attentionBias);
    set(`${at}.post_attention_layernorm`, [d]);
    set(`${at}.mlp.dense_h_to_4h`, [f, d]);
    set(`${at}.mlp.dense_4h_to_h`, [d, f]);
  }
  set("gpt_neox.final_layer_norm", [d]);
  if (!config.tiedEmbeddings) all.set("embed_out.weight", [vocabSize, d]);
  return all;
}

/** Older files store the causal mask; the newest call the head lm_head. */
function weightName(stored: string): string | undefined {
  if (/\.attention\.(masked_)?bias$/.test(stored)) return undefined;
  return stored === "lm_head.weight" ? "embed_out.weight" : stored;
}

function graph(onnx: Builder, config: GptNeoxConfig): void {
  const { heads, headDim, layerNormEps: eps } = config;
  const rotary = rotaryTables(onnx, config.rotary, config);
  const mask = attentionMask(onnx);
  const block = (x: string, layer: number): string => {
    const module = `gpt_neox.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.attention`];
    const inner = scope(attention);
    const normed = layerNorm(onnx, x, `${module}.input_layernorm`, eps);
    // [B,T,H·3D]: query, key and value head by head.
    const fused = splitHeads(
      onnx,
      `${inner}/qkv`,
      onnx.linear(`${attention}.query_key_value`, normed),
      heads,
      3 * headDim,
    );
    const part = (which: string, i: number): string =>
      columns(onnx, `${inner}/Slice_${which}`, fused, i * headDim, (i + 1) * headDim);
    const turned = (which: string, i: number): string =>
      rotate(onnx, `${inner}/rotary_${which}`, part(which, i), rotary, headDim);
    const [q, k, v] = [turned("q", 0), turned("k", 1), part("v", 2)];
    const attended = onnx.linear(
      `${attention}.dense`,
      attend(onnx, config, { layer, at: inner, q, k, v, mask }),
    );
    const between = onnx.node("Add", `${at}/Add`, [x, attended]);
    const read = config.parallelResidual ? x : between;
    const again = layerNorm(onnx, read, `${module}.post_attention_layernorm`, eps);
    const wide = onnx.linear(`${module}.mlp.dense_h_to_4h`, again);
    const active = gelu(onnx, `${at}/mlp/act`, wide, geluForm(config.activation));
    return onnx.node("Add", `${at}/Add_1`, [between, onnx.linear(`${module}.mlp.dense_4h_to_h`, active)]);
  };
  const stream = blocks(config, lookup(onnx, "gpt_neox.embed_in"), block);
  head(
    onnx,
    config,
    layerNorm(onnx, stream, "gpt_neox.final_layer_norm", eps),
    "embed_out",
    "gpt_neox.embed_in",
  );
}

export const gptNeox = {
  id: "gptNeox",
  types,
  parse,
  json,
  shapes,
  weightName,
  root: "gpt_neox",
  heads: ["embed_out", "lm_head"],
  normOffset: 0,
  graph,
} as const satisfies Family<GptNeoxConfig>;

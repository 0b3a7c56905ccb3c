// GPT-NeoX (Pythia): layer norms, attention and feed-forward side by side, part of each head rotated, one fused
// projection that holds query, key and value head by head.

import { flag, invalid, type Json, positive } from "./config-fields";
import { parseRope, ropeJson, type RopeScaling } from "./config-rope";
import { type CommonConfig, commonConfig, commonJson, type Shapes } from "./common";
import { type GeluName, geluName } from "./gpt2";

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

export function parseGptNeox(config: Json): GptNeoxConfig {
  const { head_dim: _unused, num_key_value_heads: _none, ...rest } = config; // GPT-NeoX has neither
  const common = commonConfig(rest, { tied: false, maxPositions: 2048, heads: 64 });
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

export function gptNeoxJson(config: GptNeoxConfig): Json {
  const { num_key_value_heads: _kv, head_dim: _head, ...common } = commonJson(config);
  const { ropeTheta: theta, ropeScaling: scaling } = config;
  const share = config.rotary / config.headDim;
  return {
    architectures: ["GPTNeoXForCausalLM"],
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

export function gptNeoxShapes(config: GptNeoxConfig): Shapes {
  const { hiddenSize: d, intermediateSize: f, vocabSize } = config;
  const shapes: Shapes = new Map();
  const set = (module: string, weight: readonly number[], bias = true) => {
    shapes.set(`${module}.weight`, weight);
    if (bias) shapes.set(`${module}.bias`, weight.slice(0, 1));
  };
  shapes.set("gpt_neox.embed_in.weight", [vocabSize, d]);
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
  if (!config.tiedEmbeddings) shapes.set("embed_out.weight", [vocabSize, d]);
  return shapes;
}

/** Older files store the causal mask; the newest call the head lm_head. */
export function gptNeoxName(stored: string): string | undefined {
  if (/\.attention\.(masked_)?bias$/.test(stored)) return undefined;
  return stored === "lm_head.weight" ? "embed_out.weight" : stored;
}

// Llama, Qwen2 and Qwen3: one network, told apart by biases and by the norms of queries and keys.

import { flag, type Json, only, positive, unsupported } from "./config-fields";
import { parseRope, refusePartial, ropeJson, type RopeScaling } from "./config-rope";
import { checkHeads, type CommonConfig, commonConfig, commonJson, type Shapes } from "./common";

export interface LlamaConfig extends CommonConfig {
  readonly modelType: "llama" | "qwen2" | "qwen3";
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  /** Biases of queries, keys and values, and but for Qwen2 of the output. */
  readonly attentionBias?: boolean;
  readonly mlpBias?: boolean;
}

const DEFAULTS = {
  llama: { tied: false, maxPositions: 2048, heads: 32 },
  qwen2: { tied: false, maxPositions: 32768, heads: 32, kvHeads: 32 },
  qwen3: { tied: false, maxPositions: 32768, headDim: 128, heads: 32, kvHeads: 32 },
} as const;

const ARCHITECTURES = {
  llama: "LlamaForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
} as const;

export function parseLlama(config: Json, modelType: LlamaConfig["modelType"]): LlamaConfig {
  only(config, "hidden_act", ["silu"], '"silu"');
  refuseSlidingWindow(config);
  const common = commonConfig(config, DEFAULTS[modelType]);
  checkHeads(common);
  const rope = parseRope(config, 10_000);
  refusePartial(config, rope);
  const attentionBias = modelType === "qwen2" || flag(config, "attention_bias", false);
  const mlpBias = modelType === "llama" && flag(config, "mlp_bias", false);
  return {
    modelType,
    ...common,
    rmsNormEps: positive(config, "rms_norm_eps", 1e-6),
    ropeTheta: rope.theta,
    ...(rope.scaling && { ropeScaling: rope.scaling }),
    ...(attentionBias && { attentionBias }),
    ...(mlpBias && { mlpBias }),
  };
}

/** Qwen's files name a window even where it is off. */
function refuseSlidingWindow(config: Json): void {
  const types = config["layer_types"];
  if (Array.isArray(types) && types.some((type) => type !== "full_attention"))
    throw unsupported("layer_types", types, '"full_attention" in every layer');
  if (config["use_sliding_window"] !== true) return;
  const [first, layers] = [config["max_window_layers"], config["num_hidden_layers"]];
  const unused = typeof first === "number" && typeof layers === "number" && first >= layers;
  if (!unused) throw unsupported("use_sliding_window", true, "false: attention over the whole sequence");
}

export function llamaJson(config: LlamaConfig): Json {
  const { modelType, ropeTheta: theta, ropeScaling: scaling } = config;
  return {
    architectures: [ARCHITECTURES[modelType]],
    model_type: modelType,
    ...commonJson(config),
    hidden_act: "silu",
    ...(modelType !== "qwen2" && { attention_bias: config.attentionBias ?? false }),
    ...(modelType === "llama" && { mlp_bias: config.mlpBias ?? false }),
    rms_norm_eps: config.rmsNormEps,
    rope_theta: theta,
    rope_scaling: scaling ? ropeJson({ theta, share: 1, scaling }) : null,
  };
}

export function llamaShapes(config: LlamaConfig): Shapes {
  const { modelType, hiddenSize: d, intermediateSize: f, vocabSize, headDim } = config;
  const { attentionBias = false, mlpBias = false } = config;
  const q = config.heads * headDim;
  const kv = config.kvHeads * headDim;
  const shapes: Shapes = new Map([["model.embed_tokens.weight", [vocabSize, d]]]);
  const dense = (module: string, out: number, width: number, bias: boolean) => {
    shapes.set(`${module}.weight`, [out, width]);
    if (bias) shapes.set(`${module}.bias`, [out]);
  };
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    shapes.set(`${at}.input_layernorm.weight`, [d]);
    dense(`${at}.self_attn.q_proj`, q, d, attentionBias);
    dense(`${at}.self_attn.k_proj`, kv, d, attentionBias);
    dense(`${at}.self_attn.v_proj`, kv, d, attentionBias);
    dense(`${at}.self_attn.o_proj`, d, q, attentionBias && modelType !== "qwen2");
    if (modelType === "qwen3") {
      shapes.set(`${at}.self_attn.q_norm.weight`, [headDim]);
      shapes.set(`${at}.self_attn.k_norm.weight`, [headDim]);
    }
    shapes.set(`${at}.post_attention_layernorm.weight`, [d]);
    dense(`${at}.mlp.gate_proj`, f, d, mlpBias);
    dense(`${at}.mlp.up_proj`, f, d, mlpBias);
    dense(`${at}.mlp.down_proj`, d, f, mlpBias);
  }
  shapes.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, d]);
  return shapes;
}

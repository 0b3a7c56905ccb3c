// Llama, Qwen2 and Qwen3: one network, told apart by biases and by the norms of queries and keys.

import { flag, type Json, only, positive, unsupported } from "./config-fields";
import { parseRope, refusePartial, ropeJson, type RopeScaling } from "./config-rope";
import { type Builder, scope } from "../onnx/builder";
import {
  attend,
  attentionMask,
  blocks,
  head,
  lookup,
  rmsNorm,
  rotaryTables,
  rotate,
  silu,
  splitHeads,
} from "../onnx/parts";
import { checkHeads, type CommonConfig, commonConfig, commonJson, type Shapes } from "./common";
import type { Family } from "./family";

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
  llama: { tied: false, heads: 32 },
  qwen2: { tied: false, heads: 32, kvHeads: 32 },
  qwen3: { tied: false, headDim: 128, heads: 32, kvHeads: 32 },
} as const;

const types = {
  llama: {
    decoder: "LlamaForCausalLM",
    maxPositions: 2048,
    known: "SmolLM2, TinyLlama and the bundled models",
  },
  qwen2: { decoder: "Qwen2ForCausalLM", maxPositions: 32_768 },
  qwen3: { decoder: "Qwen3ForCausalLM", maxPositions: 32_768 },
} as const;

function parse(config: Json, modelType: LlamaConfig["modelType"]): LlamaConfig {
  only(config, "hidden_act", ["silu"], '"silu"');
  refuseSlidingWindow(config);
  const common = commonConfig(config, {
    ...DEFAULTS[modelType],
    maxPositions: types[modelType].maxPositions,
  });
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

function json(config: LlamaConfig): Json {
  const { modelType, ropeTheta: theta, ropeScaling: scaling } = config;
  return {
    architectures: [types[modelType].decoder],
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

function shapes(config: LlamaConfig): Shapes {
  const { modelType, hiddenSize: d, intermediateSize: f, vocabSize, headDim } = config;
  const { attentionBias = false, mlpBias = false } = config;
  const q = config.heads * headDim;
  const kv = config.kvHeads * headDim;
  const all: Shapes = new Map([["model.embed_tokens.weight", [vocabSize, d]]]);
  const dense = (module: string, out: number, width: number, bias: boolean) => {
    all.set(`${module}.weight`, [out, width]);
    if (bias) all.set(`${module}.bias`, [out]);
  };
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    all.set(`${at}.input_layernorm.weight`, [d]);
    dense(`${at}.self_attn.q_proj`, q, d, attentionBias);
    dense(`${at}.self_attn.k_proj`, kv, d, attentionBias);
    dense(`${at}.self_attn.v_proj`, kv, d, attentionBias);
    dense(`${at}.self_attn.o_proj`, d, q, attentionBias && modelType !== "qwen2");
    if (modelType === "qwen3") {
      all.set(`${at}.self_attn.q_norm.weight`, [headDim]);
      all.set(`${at}.self_attn.k_norm.weight`, [headDim]);
    }
    all.set(`${at}.post_attention_layernorm.weight`, [d]);
    dense(`${at}.mlp.gate_proj`, f, d, mlpBias);
    dense(`${at}.mlp.up_proj`, f, d, mlpBias);
    dense(`${at}.mlp.down_proj`, d, f, mlpBias);
  }
  all.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) all.set("lm_head.weight", [vocabSize, d]);
  return all;
}

function graph(onnx: Builder, config: LlamaConfig): void {
  const { heads, kvHeads, headDim, rmsNormEps: eps } = config;
  const rotary = rotaryTables(onnx, headDim, config);
  const mask = attentionMask(onnx);
  const block = (x: string, layer: number): string => {
    const module = `model.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.self_attn`];
    const inner = scope(attention);
    const normed = rmsNorm(onnx, x, `${module}.input_layernorm`, eps);
    const project = (which: string, count: number): string => {
      const y = splitHeads(
        onnx,
        `${inner}/${which}`,
        onnx.linear(`${attention}.${which}_proj`, normed),
        count,
        headDim,
      );
      // Qwen3 normalizes each head of queries and keys.
      return onnx.has(`${attention}.${which}_norm.weight`)
        ? rmsNorm(onnx, y, `${attention}.${which}_norm`, eps)
        : y;
    };
    const turned = (which: string, count: number): string =>
      rotate(onnx, `${inner}/rotary_${which}`, project(which, count), rotary, headDim);
    const [q, k, v] = [turned("q", heads), turned("k", kvHeads), project("v", kvHeads)];
    const mixed = onnx.linear(
      `${attention}.o_proj`,
      attend(onnx, config, { layer, at: inner, q, k, v, mask }),
    );
    const between = onnx.node("Add", `${at}/Add`, [x, mixed]);
    const again = rmsNorm(onnx, between, `${module}.post_attention_layernorm`, eps);
    const gate = silu(onnx, `${at}/mlp/act_fn`, onnx.linear(`${module}.mlp.gate_proj`, again));
    const gated = onnx.node("Mul", `${at}/mlp/Mul`, [gate, onnx.linear(`${module}.mlp.up_proj`, again)]);
    return onnx.node("Add", `${at}/Add_1`, [between, onnx.linear(`${module}.mlp.down_proj`, gated)]);
  };
  const stream = blocks(config, lookup(onnx, "model.embed_tokens"), block);
  head(onnx, config, rmsNorm(onnx, stream, "model.norm", eps), "lm_head", "model.embed_tokens");
}

export const llama = {
  id: "llama",
  types,
  parse,
  json,
  shapes,
  root: "model",
  heads: ["lm_head"],
  normOffset: 0,
  graph,
} as const satisfies Family<LlamaConfig>;

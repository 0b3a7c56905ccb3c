// Gemma 3, the text model: norms around and after each part with weights stored around 0, scaled embeddings, QK norm,
// and layers that see a sliding window (with a theta of their own) between layers that see everything.

import { asObject, invalid, type Json, only, positive, size, unsupported } from "./config-fields";
import { parseRope, refusePartial, ropeJson, type Rope, type RopeScaling } from "./config-rope";
import { type Builder, scope } from "../onnx/builder";
import {
  attend,
  attentionMask,
  blocks,
  gelu,
  head,
  lookup,
  rmsNorm,
  rotaryTables,
  rotate,
  splitHeads,
} from "../onnx/parts";
import { checkHeads, type CommonConfig, commonConfig, commonJson, type Shapes } from "./common";
import type { Family } from "./family";

const types = { gemma3_text: { decoder: "Gemma3ForCausalLM", maxPositions: 131_072 } } as const;

export interface Gemma3Config extends CommonConfig {
  readonly modelType: "gemma3_text";
  readonly rmsNormEps: number;
  /** Of the layers that see everything. */
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  /** Of the layers that see a window. */
  readonly localRopeTheta: number;
  /** How many keys such a layer sees, its own included. */
  readonly slidingWindow: number;
  /** By layer: whether it sees a window. */
  readonly sliding: readonly boolean[];
  /** Scores are divided by the root of this. */
  readonly queryScalar: number;
}

function parse(config: Json): Gemma3Config {
  only(config, "hidden_activation", ["gelu_pytorch_tanh"], '"gelu_pytorch_tanh"');
  only(config, "attention_bias", [false], "false: layers without bias");
  only(config, "attn_logit_softcapping", [], "null: scores are not capped");
  only(config, "final_logit_softcapping", [], "null: logits are not capped");
  only(config, "use_bidirectional_attention", [false], "false: a causal decoder");
  const common = commonConfig(config, {
    tied: true,
    maxPositions: types.gemma3_text.maxPositions,
    headDim: 256,
    heads: 8,
    kvHeads: 4,
  });
  checkHeads(common);
  const { full, local } = parseRopes(config);
  refusePartial(config, full);
  if (local.scaling) throw unsupported("rope_parameters", local.scaling, "plain positions in sliding layers");
  return {
    modelType: "gemma3_text",
    ...common,
    rmsNormEps: positive(config, "rms_norm_eps", 1e-6),
    ropeTheta: full.theta,
    ...(full.scaling && { ropeScaling: full.scaling }),
    localRopeTheta: local.theta,
    slidingWindow: size(config, "sliding_window", 4096),
    sliding: slidingLayers(config, common.layers),
    queryScalar: positive(config, "query_pre_attn_scalar", 256),
  };
}

function parseRopes(config: Json): { full: Rope; local: Rope } {
  const both = config["rope_parameters"] ?? undefined;
  if (both === undefined)
    return {
      full: parseRope(config, 1_000_000),
      local: parseRope({ rope_theta: config["rope_local_base_freq"] }, 10_000),
    };
  const { full_attention: full, sliding_attention: local } = asObject(both);
  const within = (rope: unknown) => ({ ...config, rope_parameters: rope ?? {} });
  return { full: parseRope(within(full), 1_000_000), local: parseRope(within(local), 10_000) };
}

function slidingLayers(config: Json, layers: number): boolean[] {
  const types = config["layer_types"] ?? undefined;
  if (types === undefined) {
    const field = config["sliding_window_pattern"] ? "sliding_window_pattern" : "_sliding_window_pattern";
    const every = size(config, field, 6);
    return Array.from({ length: layers }, (_, i) => (i + 1) % every !== 0);
  }
  if (!Array.isArray(types) || types.length !== layers)
    throw invalid(`layer_types must list ${layers} layers, got ${JSON.stringify(types).slice(0, 80)}`);
  return types.map((type: unknown) => {
    if (type === "sliding_attention" || type === "full_attention") return type === "sliding_attention";
    throw unsupported("layer_types", type, '"sliding_attention" or "full_attention"');
  });
}

function json(config: Gemma3Config): Json {
  const { ropeTheta: theta, ropeScaling: scaling } = config;
  return {
    architectures: [types.gemma3_text.decoder],
    model_type: "gemma3_text",
    ...commonJson(config),
    rms_norm_eps: config.rmsNormEps,
    hidden_activation: "gelu_pytorch_tanh",
    attention_bias: false,
    rope_theta: theta,
    rope_scaling: scaling ? ropeJson({ theta, share: 1, scaling }) : null,
    rope_local_base_freq: config.localRopeTheta,
    sliding_window: config.slidingWindow,
    layer_types: config.sliding.map((window) => (window ? "sliding_attention" : "full_attention")),
    query_pre_attn_scalar: config.queryScalar,
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
  };
}

function shapes(config: Gemma3Config): Shapes {
  const { hiddenSize: d, intermediateSize: f, vocabSize, headDim } = config;
  const q = config.heads * headDim;
  const kv = config.kvHeads * headDim;
  const all: Shapes = new Map([["model.embed_tokens.weight", [vocabSize, d]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const set = (module: string, ...shape: number[]) =>
      all.set(`model.layers.${layer}.${module}.weight`, shape);
    set("input_layernorm", d);
    set("self_attn.q_proj", q, d);
    set("self_attn.k_proj", kv, d);
    set("self_attn.v_proj", kv, d);
    set("self_attn.o_proj", d, q);
    set("self_attn.q_norm", headDim);
    set("self_attn.k_norm", headDim);
    set("post_attention_layernorm", d);
    set("pre_feedforward_layernorm", d);
    set("mlp.gate_proj", f, d);
    set("mlp.up_proj", f, d);
    set("mlp.down_proj", d, f);
    set("post_feedforward_layernorm", d);
  }
  all.set("model.norm.weight", [d]);
  if (!config.tiedEmbeddings) all.set("lm_head.weight", [vocabSize, d]);
  return all;
}

function graph(onnx: Builder, config: Gemma3Config): void {
  const { heads, kvHeads, headDim } = config;
  const norm = (x: string, module: string): string => rmsNorm(onnx, x, module, config.rmsNormEps, 1);
  const full = { rotary: rotaryTables(onnx, headDim, config), mask: attentionMask(onnx) };
  const near = {
    rotary: rotaryTables(onnx, headDim, { ropeTheta: config.localRopeTheta }, "rotary_emb_local"),
    mask: attentionMask(onnx, config.slidingWindow),
  };
  const block = (x: string, layer: number): string => {
    const module = `model.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.self_attn`];
    const inner = scope(attention);
    const { rotary, mask } = config.sliding[layer] ? near : full;
    const normed = norm(x, `${module}.input_layernorm`);
    const project = (which: string, count: number): string =>
      splitHeads(
        onnx,
        `${inner}/${which}`,
        onnx.linear(`${attention}.${which}_proj`, normed),
        count,
        headDim,
      );
    const turned = (which: string, count: number): string =>
      rotate(
        onnx,
        `${inner}/rotary_${which}`,
        norm(project(which, count), `${attention}.${which}_norm`),
        rotary,
        headDim,
      );
    const [q, k, v] = [turned("q", heads), turned("k", kvHeads), project("v", kvHeads)];
    const scale = config.queryScalar ** -0.5;
    const mixed = onnx.linear(
      `${attention}.o_proj`,
      attend(onnx, config, { layer, at: inner, q, k, v, mask, scale }),
    );
    const between = onnx.node("Add", `${at}/Add`, [x, norm(mixed, `${module}.post_attention_layernorm`)]);
    const again = norm(between, `${module}.pre_feedforward_layernorm`);
    const gate = gelu(onnx, `${at}/mlp/act_fn`, onnx.linear(`${module}.mlp.gate_proj`, again), "tanh");
    const gated = onnx.node("Mul", `${at}/mlp/Mul`, [gate, onnx.linear(`${module}.mlp.up_proj`, again)]);
    const down = norm(onnx.linear(`${module}.mlp.down_proj`, gated), `${module}.post_feedforward_layernorm`);
    return onnx.node("Add", `${at}/Add_1`, [between, down]);
  };
  const factor = onnx.float(Math.sqrt(config.hiddenSize));
  const tokens = lookup(onnx, "model.embed_tokens");
  const start = onnx.node("Mul", "/model/embed_tokens/Mul", [tokens, factor]);
  const stream = blocks(config, start, block);
  head(onnx, config, norm(stream, "model.norm"), "lm_head", "model.embed_tokens");
}

export const gemma3 = {
  id: "gemma3",
  types,
  parse,
  json,
  shapes,
  root: "model",
  heads: ["lm_head"],
  // x·(1 + w)
  normOffset: 1,
  graph,
} as const satisfies Family<Gemma3Config>;

// A Llama decoder as an ONNX file: standard operators only, KV cache, and the input, output and dimension names
// that transformers.js and optimum use. Weights are stored [in, out] (a MatMul's right side), as tracing exporters do.
//
// Shapes   B batch_size · T sequence_length · P past_sequence_length · S = P + T · D head_dim · H heads · KV kv heads

import type { LlamaConfig, StudentConfig } from "./config";
import { type Builder, createBuilder, scope } from "./onnx-builder";
import { BOOL, FLOAT, INT64 } from "./onnx-wire";
import { modelProto, type Parts, valueInfo } from "./onnx-write";
import type { NamedTensor } from "./safetensors";
import { checkTensors } from "./student-weights";

/** The plain Llama is exported: no biases, no scaled positions, no norms of queries and keys. */
export const hasOnnxExport = (config: StudentConfig): config is LlamaConfig =>
  config.modelType === "llama" && !config.attentionBias && !config.mlpBias && !config.ropeScaling;

/** `half` stores the weights in f16, half the bytes; arithmetic stays f32. */
export function studentToOnnx(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  { half = false }: { half?: boolean } = {},
): Uint8Array {
  const graph = createBuilder(checkTensors(config, tensors), half);
  const rotary = rotaryTables(graph, config);
  const mask = attentionMask(graph);
  let x = graph.node("Gather", "/model/embed_tokens/Gather", [
    graph.weight("model.embed_tokens.weight"),
    "input_ids",
  ]);
  for (let layer = 0; layer < config.layers; layer++) x = decoderLayer(graph, config, layer, x, rotary, mask);
  lmHead(graph, config, rmsNorm(graph, config, "model.norm", x));
  const values = graphValues(config);
  return modelProto("llama", { nodes: graph.nodes, initializers: graph.initializers, ...values });
}

function decoderLayer(
  graph: Builder,
  config: LlamaConfig,
  layer: number,
  x: string,
  rotary: Rotary,
  mask: string,
): string {
  const module = `model.layers.${layer}`;
  const at = scope(module);
  const attended = attention(
    graph,
    config,
    layer,
    rmsNorm(graph, config, `${module}.input_layernorm`, x),
    rotary,
    mask,
  );
  const between = graph.node("Add", `${at}/Add`, [x, attended]);
  const normed = rmsNorm(graph, config, `${module}.post_attention_layernorm`, between);
  const gate = graph.linear(`${module}.mlp.gate_proj`, normed);
  const sigmoid = graph.node("Sigmoid", `${at}/mlp/act_fn/Sigmoid`, [gate]);
  const silu = graph.node("Mul", `${at}/mlp/act_fn/Mul`, [gate, sigmoid]);
  const up = graph.linear(`${module}.mlp.up_proj`, normed);
  const gated = graph.node("Mul", `${at}/mlp/Mul`, [silu, up]);
  return graph.node("Add", `${at}/Add_1`, [between, graph.linear(`${module}.mlp.down_proj`, gated)]);
}

function attention(
  graph: Builder,
  config: LlamaConfig,
  layer: number,
  x: string,
  rotary: Rotary,
  mask: string,
): string {
  const { heads, kvHeads, headDim } = config;
  const module = `model.layers.${layer}.self_attn`;
  const at = scope(module);
  const project = (which: string, count: number): string =>
    splitHeads(graph, `${at}/${which}`, graph.linear(`${module}.${which}_proj`, x), count, headDim);
  const cached = (kind: string, fresh: string): string =>
    graph.node(
      "Concat",
      `${at}/Concat_${kind}`,
      [`past_key_values.${layer}.${kind}`, fresh],
      { axis: 2 },
      `present.${layer}.${kind}`,
    );
  const q = rotate(graph, `${at}/rotary_q`, project("q", heads), rotary, headDim);
  const k = cached("key", rotate(graph, `${at}/rotary_k`, project("k", kvHeads), rotary, headDim));
  const v = cached("value", project("v", kvHeads));
  const kT = graph.node("Transpose", `${at}/Transpose_k`, [repeatHeads(graph, `${at}/repeat_k`, config, k)], {
    perm: [0, 1, 3, 2],
  });
  const scores = graph.node("Mul", `${at}/Mul`, [
    graph.node("MatMul", `${at}/MatMul`, [q, kT]),
    graph.float(1 / Math.sqrt(headDim)),
  ]);
  const weights = graph.node("Softmax", `${at}/Softmax`, [graph.node("Add", `${at}/Add`, [scores, mask])], {
    axis: 3,
  });
  const mixed = graph.node("MatMul", `${at}/MatMul_1`, [
    weights,
    repeatHeads(graph, `${at}/repeat_v`, config, v),
  ]);
  const merged = graph.node("Transpose", `${at}/Transpose`, [mixed], { perm: [0, 2, 1, 3] });
  const flat = graph.node("Reshape", `${at}/Reshape`, [merged, graph.ints([0, -1, heads * headDim])]);
  return graph.linear(`${module}.o_proj`, flat);
}

/** [B,T,n·D] → [B,n,T,D] */
function splitHeads(graph: Builder, at: string, x: string, count: number, headDim: number): string {
  const split = graph.node("Reshape", `${at}/Reshape`, [x, graph.ints([0, -1, count, headDim])]);
  return graph.node("Transpose", `${at}/Transpose`, [split], { perm: [0, 2, 1, 3] });
}

/** [B,KV,S,D] → [B,H,S,D]: each key-value head serves H/KV query heads in a row. */
function repeatHeads(
  graph: Builder,
  at: string,
  { heads, kvHeads, headDim }: LlamaConfig,
  x: string,
): string {
  if (heads === kvHeads) return x;
  const apart = graph.node("Unsqueeze", `${at}/Unsqueeze`, [x, graph.ints([2])]);
  const wide = graph.node("Expand", `${at}/Expand`, [apart, graph.ints([1, 1, heads / kvHeads, 1, 1])]);
  return graph.node("Reshape", `${at}/Reshape`, [wide, graph.ints([0, heads, -1, headDim])]);
}

interface Rotary {
  readonly cos: string;
  readonly sin: string;
}

/** cos and sin of position · θ^(−2i/D), [B,1,T,D]: the half-rotation layout, frequencies repeated. */
function rotaryTables(graph: Builder, { headDim, ropeTheta }: LlamaConfig): Rotary {
  const at = "/model/rotary_emb";
  const half = headDim / 2;
  const frequencies = Float32Array.from(
    { length: headDim },
    (_, i) => ropeTheta ** ((-2 * (i % half)) / headDim),
  );
  const table = graph.floats("rotary_emb.inv_freq", [1, 1, headDim], frequencies);
  const columns = graph.node("Unsqueeze", `${at}/Unsqueeze`, ["position_ids", graph.ints([2])]);
  const positions = graph.node("Cast", `${at}/Cast`, [columns], { to: FLOAT });
  const angles = graph.node("Unsqueeze", `${at}/Unsqueeze_1`, [
    graph.node("Mul", `${at}/Mul`, [positions, table]),
    graph.ints([1]),
  ]);
  return { cos: graph.node("Cos", `${at}/Cos`, [angles]), sin: graph.node("Sin", `${at}/Sin`, [angles]) };
}

/** x·cos + [−x₂, x₁]·sin, where x₁ and x₂ are the halves of a head. */
function rotate(graph: Builder, at: string, x: string, { cos, sin }: Rotary, headDim: number): string {
  const half = headDim / 2;
  const slice = (name: string, from: number, to: number): string =>
    graph.node("Slice", `${at}/${name}`, [x, graph.ints([from]), graph.ints([to]), graph.ints([3])]);
  const flipped = graph.node("Neg", `${at}/Neg`, [slice("Slice", half, headDim)]);
  const turned = graph.node("Concat", `${at}/Concat`, [flipped, slice("Slice_1", 0, half)], { axis: 3 });
  return graph.node("Add", `${at}/Add`, [
    graph.node("Mul", `${at}/Mul`, [x, cos]),
    graph.node("Mul", `${at}/Mul_1`, [turned, sin]),
  ]);
}

/** [B,1,T,S]: 0 where key s ≤ P + t is real, the lowest f32 elsewhere. */
function attentionMask(graph: Builder): string {
  const at = "/model/mask";
  const length = (of: string, name: string): string =>
    graph.node("Gather", `${at}/${name}`, [graph.node("Shape", `${at}/${name}/Shape`, [of]), graph.ints(1)], {
      axis: 0,
    });
  const [T, S] = [length("input_ids", "T"), length("attention_mask", "S")];
  const range = (to: string, name: string): string =>
    graph.node("Range", `${at}/${name}`, [graph.ints(0), to, graph.ints(1)]);
  const past = graph.node("Sub", `${at}/Sub`, [S, T]);
  const queries = graph.node("Unsqueeze", `${at}/queries`, [
    graph.node("Add", `${at}/Add`, [range(T, "Range_T"), past]),
    graph.ints([1]),
  ]);
  const keys = graph.node("Unsqueeze", `${at}/keys`, [range(S, "Range_S"), graph.ints([0])]);
  const causal = graph.node("LessOrEqual", `${at}/LessOrEqual`, [keys, queries]);
  const rows = graph.node("Unsqueeze", `${at}/Unsqueeze`, ["attention_mask", graph.ints([1, 2])]);
  const real = graph.node("Cast", `${at}/Cast`, [rows], { to: BOOL });
  const allowed = graph.node("And", `${at}/And`, [causal, real]);
  return graph.node("Where", `${at}/Where`, [allowed, graph.float(0), graph.float(LOWEST)]);
}

// Not −inf: a row with no key at all stays finite (uniform) instead of NaN.
const LOWEST = -3.4e38;

function rmsNorm(graph: Builder, config: LlamaConfig, module: string, x: string): string {
  const at = scope(module);
  const squares = graph.node("Pow", `${at}/Pow`, [x, graph.float(2)]);
  const mean = graph.node("ReduceMean", `${at}/ReduceMean`, [squares], { axes: [-1], keepdims: 1 });
  const shifted = graph.node("Add", `${at}/Add`, [mean, graph.float(config.rmsNormEps)]);
  const root = graph.node("Sqrt", `${at}/Sqrt`, [shifted]);
  const normed = graph.node("Div", `${at}/Div`, [x, root]);
  return graph.node("Mul", `${at}/Mul`, [normed, graph.weight(`${module}.weight`)]);
}

/** A tied head reads the embedding table through a Transpose, so that it is stored once. */
function lmHead(graph: Builder, config: LlamaConfig, x: string): void {
  const name = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  const right = graph.node("Transpose", "/lm_head/Transpose", [graph.weight(name)], { perm: [1, 0] });
  graph.node("MatMul", "/lm_head/MatMul", [x, right], {}, "logits");
}

function graphValues(config: LlamaConfig): { inputs: Parts[]; outputs: Parts[] } {
  const [B, T, S, P] = ["batch_size", "sequence_length", "total_sequence_length", "past_sequence_length"];
  const inputs = [
    valueInfo("input_ids", INT64, [B, T]),
    valueInfo("attention_mask", INT64, [B, S]),
    valueInfo("position_ids", INT64, [B, T]),
  ];
  const outputs = [valueInfo("logits", FLOAT, [B, T, config.vocabSize])];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const kind of ["key", "value"]) {
      const cache = (length: string): (string | number)[] => [B, config.kvHeads, length, config.headDim];
      inputs.push(valueInfo(`past_key_values.${layer}.${kind}`, FLOAT, cache(P)));
      outputs.push(valueInfo(`present.${layer}.${kind}`, FLOAT, cache(S)));
    }
  }
  return { inputs, outputs };
}

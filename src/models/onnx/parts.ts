// The parts of decoder graphs that families share: positions, masks, attention, norms, activations.
//
// Shapes   B batch_size · T sequence_length · P past_sequence_length · S = P + T · D head_dim · H heads · KV kv heads

import type { CommonConfig } from "../families/common";
import { type Builder, scope } from "./builder";
import { BOOL, FLOAT } from "./wire";
import { ropeFrequencies, type RopeSettings } from "../families/rope-frequencies";

export interface Rotary {
  readonly cos: string;
  readonly sin: string;
  /** r: how many values of a head are rotated. */
  readonly width: number;
}

/** cos and sin of position · frequency, [B,1,T,r]: the half-rotation layout, frequencies repeated. */
export function rotaryTables(
  graph: Builder,
  width: number,
  settings: RopeSettings,
  name = "rotary_emb",
): Rotary {
  const at = `/model/${name}`;
  const { frequencies, scale } = ropeFrequencies(width, settings);
  const half = width / 2;
  const twice = Float32Array.from({ length: width }, (_, i) => frequencies[i % half] ?? 0);
  const table = graph.floats(`${name}.inv_freq`, [1, 1, width], twice);
  const columns = graph.node("Unsqueeze", `${at}/Unsqueeze`, ["position_ids", graph.ints([2])]);
  const positions = graph.node("Cast", `${at}/Cast`, [columns], { to: FLOAT });
  const angles = graph.node("Unsqueeze", `${at}/Unsqueeze_1`, [
    graph.node("Mul", `${at}/Mul`, [positions, table]),
    graph.ints([1]),
  ]);
  const of = (op: string): string => {
    const value = graph.node(op, `${at}/${op}`, [angles]);
    return scale === 1 ? value : graph.node("Mul", `${at}/${op}/Mul`, [value, graph.float(scale)]);
  };
  return { cos: of("Cos"), sin: of("Sin"), width };
}

/** x·cos + [−x₂, x₁]·sin on the first r values of a head, whose halves are x₁ and x₂; the rest stays. */
export function rotate(graph: Builder, at: string, x: string, rotary: Rotary, headDim: number): string {
  const { cos, sin, width } = rotary;
  const slice = (of: string, name: string, from: number, to: number): string =>
    graph.node("Slice", `${at}/${name}`, [of, graph.ints([from]), graph.ints([to]), graph.ints([3])]);
  const turning = width === headDim ? x : slice(x, "Slice_turning", 0, width);
  const half = width / 2;
  const flipped = graph.node("Neg", `${at}/Neg`, [slice(turning, "Slice", half, width)]);
  const turned = graph.node("Concat", `${at}/Concat`, [flipped, slice(turning, "Slice_1", 0, half)], {
    axis: 3,
  });
  const sum = graph.node("Add", `${at}/Add`, [
    graph.node("Mul", `${at}/Mul`, [turning, cos]),
    graph.node("Mul", `${at}/Mul_1`, [turned, sin]),
  ]);
  if (width === headDim) return sum;
  return graph.node("Concat", `${at}/Concat_1`, [sum, slice(x, "Slice_still", width, headDim)], { axis: 3 });
}

/** [B,1,T,S]: 0 where key s ≤ P + t is real (and among the last `window`), the lowest f32 elsewhere. */
export function attentionMask(graph: Builder, window?: number): string {
  const at = window === undefined ? "/model/mask" : "/model/window";
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
  const seen = window === undefined ? causal : within(graph, at, queries, keys, causal, window);
  const allowed = graph.node("And", `${at}/And`, [seen, real]);
  return graph.node("Where", `${at}/Where`, [allowed, graph.float(0), graph.float(LOWEST)]);
}

/** And query − key < window. */
function within(
  graph: Builder,
  at: string,
  queries: string,
  keys: string,
  causal: string,
  window: number,
): string {
  const distance = graph.node("Sub", `${at}/Sub_1`, [queries, keys]);
  const near = graph.node("Less", `${at}/Less`, [distance, graph.ints(window)]);
  return graph.node("And", `${at}/And_1`, [causal, near]);
}

// Not −inf: a row with no key at all stays finite (uniform) instead of NaN.
const LOWEST = -3.4e38;

/** Slice of the last axis of a [B,T,…] tensor. */
export const columns = (graph: Builder, name: string, x: string, from: number, to: number): string =>
  graph.node("Slice", name, [x, graph.ints([from]), graph.ints([to]), graph.ints([-1])]);

/** [B,T,n·D] → [B,n,T,D] */
export function splitHeads(graph: Builder, at: string, x: string, count: number, headDim: number): string {
  const split = graph.node("Reshape", `${at}/Reshape`, [x, graph.ints([0, -1, count, headDim])]);
  return graph.node("Transpose", `${at}/Transpose`, [split], { perm: [0, 2, 1, 3] });
}

export interface Attention {
  readonly layer: number;
  /** The module's scope. */
  readonly at: string;
  /** [B,H,T,D], and [B,KV,T,D] twice: positions are in q and k already. */
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly mask: string;
  /** Factor of q·k; 1/√D unless said. */
  readonly scale?: number;
}

/** softmax(q·kᵀ·scale + mask)·v with the keys and values so far, [B,T,H·D]. */
export function attend(graph: Builder, config: CommonConfig, a: Attention): string {
  const { heads, headDim } = config;
  const { at, layer } = a;
  const cached = (kind: string, fresh: string): string =>
    graph.node(
      "Concat",
      `${at}/Concat_${kind}`,
      [`past_key_values.${layer}.${kind}`, fresh],
      { axis: 2 },
      `present.${layer}.${kind}`,
    );
  const k = repeatHeads(graph, `${at}/repeat_k`, config, cached("key", a.k));
  const v = repeatHeads(graph, `${at}/repeat_v`, config, cached("value", a.v));
  const kT = graph.node("Transpose", `${at}/Transpose_k`, [k], { perm: [0, 1, 3, 2] });
  const scores = graph.node("Mul", `${at}/Mul`, [
    graph.node("MatMul", `${at}/MatMul`, [a.q, kT]),
    graph.float(a.scale ?? 1 / Math.sqrt(headDim)),
  ]);
  const masked = graph.node("Add", `${at}/Add`, [scores, a.mask]);
  const weights = graph.node("Softmax", `${at}/Softmax`, [masked], { axis: 3 });
  const mixed = graph.node("MatMul", `${at}/MatMul_1`, [weights, v]);
  const merged = graph.node("Transpose", `${at}/Transpose`, [mixed], { perm: [0, 2, 1, 3] });
  return graph.node("Reshape", `${at}/Reshape`, [merged, graph.ints([0, -1, heads * headDim])]);
}

/** [B,KV,S,D] → [B,H,S,D]: each key-value head serves H/KV query heads in a row. */
function repeatHeads(
  graph: Builder,
  at: string,
  { heads, kvHeads, headDim }: CommonConfig,
  x: string,
): string {
  if (heads === kvHeads) return x;
  const apart = graph.node("Unsqueeze", `${at}/Unsqueeze`, [x, graph.ints([2])]);
  const wide = graph.node("Expand", `${at}/Expand`, [apart, graph.ints([1, 1, heads / kvHeads, 1, 1])]);
  return graph.node("Reshape", `${at}/Reshape`, [wide, graph.ints([0, heads, -1, headDim])]);
}

/** x / √(mean x² + ε) · w; Gemma stores w − 1. */
export function rmsNorm(graph: Builder, x: string, module: string, eps: number, offset = 0): string {
  const at = scope(module);
  const squares = graph.node("Pow", `${at}/Pow`, [x, graph.float(2)]);
  const mean = graph.node("ReduceMean", `${at}/ReduceMean`, [squares], { axes: [-1], keepdims: 1 });
  const shifted = graph.node("Add", `${at}/Add`, [mean, graph.float(eps)]);
  const root = graph.node("Sqrt", `${at}/Sqrt`, [shifted]);
  const normed = graph.node("Div", `${at}/Div`, [x, root]);
  const stored = graph.weight(`${module}.weight`);
  const weight = offset === 0 ? stored : graph.node("Add", `${at}/Add_1`, [stored, graph.float(offset)]);
  return graph.node("Mul", `${at}/Mul`, [normed, weight]);
}

export function layerNorm(graph: Builder, x: string, module: string, eps: number): string {
  const inputs = [x, graph.weight(`${module}.weight`), graph.weight(`${module}.bias`)];
  return graph.node("LayerNormalization", `${scope(module)}/LayerNormalization`, inputs, {
    axis: -1,
    epsilon: { f32: eps },
  });
}

/** "erf": x·Φ(x). "tanh": ½x(1 + tanh √(2/π)(x + 0.044715x³)). */
export function gelu(graph: Builder, at: string, x: string, form: "erf" | "tanh"): string {
  const node = (op: string, name: string, ...inputs: string[]): string =>
    graph.node(op, `${at}/${name}`, inputs);
  const inner =
    form === "erf"
      ? node("Erf", "Erf", node("Mul", "Mul", x, graph.float(Math.SQRT1_2)))
      : node(
          "Tanh",
          "Tanh",
          node(
            "Mul",
            "Mul",
            node(
              "Add",
              "Add",
              x,
              node("Mul", "Mul_1", node("Pow", "Pow", x, graph.float(3)), graph.float(0.044715)),
            ),
            graph.float(Math.sqrt(2 / Math.PI)),
          ),
        );
  const whole = node("Add", "Add_1", inner, graph.float(1));
  return node("Mul", "Mul_3", node("Mul", "Mul_2", x, graph.float(0.5)), whole);
}

/** x·sigmoid(x) */
export const silu = (graph: Builder, at: string, x: string): string =>
  graph.node("Mul", `${at}/Mul`, [x, graph.node("Sigmoid", `${at}/Sigmoid`, [x])]);

/** A stack of blocks over the residual stream. */
export function blocks(
  { layers }: CommonConfig,
  start: string,
  block: (x: string, layer: number) => string,
): string {
  let x = start;
  for (let layer = 0; layer < layers; layer++) x = block(x, layer);
  return x;
}

/** The rows of a token table that input_ids name. */
export const lookup = (graph: Builder, module: string): string =>
  graph.node("Gather", `${scope(module)}/Gather`, [graph.weight(`${module}.weight`), "input_ids"]);

/** A tied head reads the embedding table through a Transpose, so that it is stored once. */
export function head(
  graph: Builder,
  { tiedEmbeddings }: CommonConfig,
  x: string,
  module: string,
  table: string,
): void {
  if (!tiedEmbeddings) {
    graph.linear(module, x, "logits");
    return;
  }
  const right = graph.node("Transpose", "/lm_head/Transpose", [graph.weight(`${table}.weight`)], {
    perm: [1, 0],
  });
  graph.node("MatMul", "/lm_head/MatMul", [x, right], {}, "logits");
}

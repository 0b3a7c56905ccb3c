// Where an exported decoder keeps the two tensors that distillation needs and the graph does not return:
// hidden_states[0] (the embeddings) and hidden_states[-1] (after the final norm). Found by structure, not by name:
// back from `logits` to the head's matrix product, forward from `input_ids` to the residual stream.

import { ModelError } from "./errors";
import { halvesToFloats } from "./half";
import type { NamedTensor } from "./safetensors";
import { FLOAT, FLOAT16, type OnnxGraph, type OnnxNode, type OnnxTensor } from "./onnx-wire";

export interface Taps {
  /** hidden_states[0]: the residual stream before the first layer. */
  readonly embedding: string;
  /** hidden_states[-1]: what the head multiplies. */
  readonly hidden: string;
  readonly head: OnnxNode;
  /** Rows of the token table, as looked up. */
  readonly token: string;
  /** The Gather that looks up tokens. On GPT-2 its output lacks the positions that `embedding` has. */
  readonly lookup: OnnxNode;
}

const MATRIX_PRODUCTS = new Set([
  "MatMul",
  "Gemm",
  "FusedMatMul",
  "MatMulNBits",
  "MatMulInteger",
  "MatMulBnb4",
]);
const AFTER_HEAD = new Set(
  "Cast Add Mul Div Tanh Reshape Slice Gather Squeeze Unsqueeze Identity Transpose DequantizeLinear".split(
    " ",
  ),
);
const BEFORE_HEAD = new Set(
  "Reshape Slice Gather Cast Squeeze Unsqueeze Identity DynamicQuantizeLinear".split(" "),
);
const BEFORE_LOOKUP = new Set("Cast Reshape Identity Where Clip".split(" "));
const BEFORE_RESIDUAL = new Set("Mul Add Cast Identity DequantizeLinear LayerNormalization".split(" "));
const STATIC_OPS = new Set("Transpose DequantizeLinear Cast Identity Reshape Mul".split(" "));
const MAX_HOPS = 16;

export function findTaps(graph: OnnxGraph): Taps {
  const head = findHead(graph);
  const lookup = findLookup(graph);
  const [lookedUp = ""] = lookup.outputs;
  return {
    ...{ head, lookup, token: lookedUp },
    hidden: beforeHead(graph, head),
    embedding: residualStart(graph, lookedUp),
  };
}

/** The head's weight as [V, D], when it is stored in plain numbers; undefined when it is quantized or computed. */
export function headWeight(graph: OnnxGraph, taps: Taps): NamedTensor | undefined {
  const [, input = ""] = taps.head.inputs;
  const isGemm = taps.head.op === "Gemm";
  if (!isGemm && taps.head.op !== "MatMul") return undefined;
  // A MatMul's right side is [D, V]; each transposition on the way turns that around.
  let transposed = isGemm && taps.head.ints.get("transB")?.[0] === 1;
  let name = input;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const tensor = graph.initializers.get(name);
    if (tensor) {
      const stored = readFloats(tensor);
      if (!stored || stored.shape.length !== 2) return undefined;
      return transposed ? stored : transpose(stored);
    }
    const node = graph.producerOf.get(name);
    if (!node || !["Identity", "Transpose", "Cast"].includes(node.op)) return undefined;
    if (node.op === "Transpose") transposed = !transposed;
    name = node.inputs[0] ?? "";
  }
  return undefined;
}

/** The token embeddings as [V, D], when they are stored in plain numbers; undefined when they are quantized or computed. */
export function lookupTable(graph: OnnxGraph, { lookup }: Taps): NamedTensor | undefined {
  let [name = ""] = lookup.inputs;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const tensor = graph.initializers.get(name);
    if (tensor) {
      const stored = readFloats(tensor);
      return stored?.shape.length === 2 ? stored : undefined;
    }
    const node = graph.producerOf.get(name);
    if (node?.op !== "Identity" && node?.op !== "Cast") return undefined;
    name = node.inputs[0] ?? "";
  }
  return undefined;
}

/** Initializer to f32; undefined when its type is not a plain float or its bytes do not fit its shape. */
export function readFloats(tensor: OnnxTensor): NamedTensor | undefined {
  const { dims, dataType, raw } = tensor;
  const elements = dims.reduce((product, n) => product * n, 1);
  const bytes = dataType === FLOAT ? 4 : 2;
  if (!raw || tensor.external || raw.length !== elements * bytes) return undefined;
  const own = raw.slice().buffer; // protobuf does not align
  if (dataType === FLOAT) return { shape: dims, data: new Float32Array(own) };
  if (dataType === FLOAT16) return { shape: dims, data: halvesToFloats(new Uint16Array(own)) };
  return undefined;
}

export function transpose({ shape, data }: NamedTensor): NamedTensor {
  const [rows = 0, cols = 0] = shape;
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = data[i * cols + j] ?? 0;
  return { shape: [cols, rows], data: out };
}

function findHead(graph: OnnxGraph): OnnxNode {
  let name = "logits";
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const node = graph.producerOf.get(name);
    if (!node) break;
    if (MATRIX_PRODUCTS.has(node.op)) return node;
    const next = node.inputs.find((input) => input !== "" && !isStatic(graph, input));
    if (!AFTER_HEAD.has(node.op) || next === undefined) break;
    name = next;
  }
  const stop = graph.producerOf.get(name)?.op ?? `"${name}", which nothing computes`;
  throw noTap(`no matrix product behind the output "logits" (the search stopped at ${stop})`);
}

function beforeHead(graph: OnnxGraph, head: OnnxNode): string {
  let [name = ""] = head.inputs;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const node = graph.producerOf.get(name);
    if (!node || !BEFORE_HEAD.has(node.op)) break;
    name = node.inputs[0] ?? "";
  }
  if (!graph.producerOf.has(name))
    throw noTap(`the head multiplies "${name}", which no node of the graph computes`);
  return name;
}

function findLookup(graph: OnnxGraph): OnnxNode {
  const queue = ["input_ids"];
  for (let name = queue.shift(), steps = 0; name !== undefined && steps < 64; name = queue.shift(), steps++) {
    for (const node of graph.consumersOf.get(name) ?? []) {
      const [table = "", ids = ""] = node.inputs;
      const looksUp =
        node.op === "Gather" && isStatic(graph, table) && ids !== "" && !graph.initializers.has(ids);
      if (looksUp || node.op === "GatherBlockQuantized") return node;
      if (BEFORE_LOOKUP.has(node.op)) queue.push(...node.outputs);
    }
  }
  throw noTap('no embedding lookup behind the input "input_ids"');
}

/** On from the lookup through scales, positions and embedding norms, up to where the residual stream forks. */
function residualStart(graph: OnnxGraph, lookedUp: string): string {
  let name = lookedUp;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const consumers = new Set((graph.consumersOf.get(name) ?? []).filter((node) => node.op !== "Shape"));
    const [only] = consumers;
    if (consumers.size !== 1 || !only || !BEFORE_RESIDUAL.has(only.op)) break;
    name = only.outputs[0] ?? name;
  }
  return name;
}

export function isStatic(graph: OnnxGraph, name: string, depth = 4): boolean {
  if (graph.initializers.has(name)) return true;
  const node = graph.producerOf.get(name);
  if (!node || depth === 0) return false;
  if (node.op === "Constant") return true;
  return (
    STATIC_OPS.has(node.op) && node.inputs.every((input) => input === "" || isStatic(graph, input, depth - 1))
  );
}

const noTap = (what: string): ModelError =>
  new ModelError(
    "unsupported",
    `Couplet could not find the hidden states in this graph: ${what}. Export the model as a plain decoder ` +
      "(input_ids to logits, e.g. with optimum), without merged or encoder parts.",
  );

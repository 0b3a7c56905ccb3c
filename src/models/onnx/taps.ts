// Where an exported decoder keeps the two tensors that distillation needs and the graph does not return:
// hidden_states[0] (the embeddings) and hidden_states[-1] (after the final norm). Found by structure, not by name:
// back from `logits` to the head's matrix product, forward from `input_ids` to the residual stream.

import { ModelError } from "../errors";
import { dequantizeBlocks, dequantizeGather, dequantizeLinear, dequantizeProduct } from "./quantized";
import type { NamedTensor } from "../files/safetensors";
import { readFloats } from "./numbers";
import type { OnnxGraph, OnnxNode } from "./wire";

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
  const lookedUp = plainRows(graph, lookup.outputs[0] ?? "");
  return {
    ...{ head, lookup, token: lookedUp },
    hidden: beforeHead(graph, head),
    embedding: residualStart(graph, lookedUp),
  };
}

/** The head's weight as [V, D]; undefined when it is stored in a form that we do not read, or computed. */
export function headWeight(graph: OnnxGraph, { head }: Taps): NamedTensor | undefined {
  const [, input = ""] = head.inputs;
  if (head.op === "MatMulNBits") return dequantizeBlocks(graph, head);
  if (head.op === "MatMulInteger") {
    const stored = dequantizeProduct(graph, head);
    return stored && transpose(stored);
  }
  const isGemm = head.op === "Gemm";
  if (!isGemm && head.op !== "MatMul") return undefined;
  // A MatMul's right side is [D, V]; each transposition on the way turns that around.
  const transposed = isGemm && head.ints.get("transB")?.[0] === 1;
  const found = matrixBehind(graph, input);
  if (!found) return undefined;
  return transposed === found.flipped ? transpose(found.matrix) : found.matrix;
}

/** The token embeddings as [V, D]; undefined when they are stored in a form that we do not read, or computed. */
export function lookupTable(graph: OnnxGraph, { lookup }: Taps): NamedTensor | undefined {
  if (lookup.op === "GatherBlockQuantized") return dequantizeGather(graph, lookup);
  const [next] = graph.consumersOf.get(lookup.outputs[0] ?? "") ?? [];
  if (next?.op === "DequantizeLinear") return dequantizeLinear(graph, next, lookup.inputs[0] ?? "");
  const found = matrixBehind(graph, lookup.inputs[0] ?? "");
  return found && !found.flipped ? found.matrix : undefined;
}

/** The stored matrix behind a name: through copies, casts, scales and transpositions. */
function matrixBehind(graph: OnnxGraph, name: string): { matrix: NamedTensor; flipped: boolean } | undefined {
  let flipped = false;
  for (let hop = 0, at = name; hop < MAX_HOPS; hop++) {
    const tensor = graph.initializers.get(at);
    const node = graph.producerOf.get(at);
    const matrix = tensor
      ? readFloats(tensor)
      : node?.op === "DequantizeLinear"
        ? dequantizeLinear(graph, node)
        : undefined;
    if (matrix) return matrix.shape.length === 2 ? { matrix, flipped } : undefined;
    if (!node || !["Identity", "Transpose", "Cast"].includes(node.op)) return undefined;
    if (node.op === "Transpose") flipped = !flipped;
    at = node.inputs[0] ?? "";
  }
  return undefined;
}

function transpose({ shape, data }: NamedTensor): NamedTensor {
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

/** Rows of a quantized table are numbers only after the node that scales them. */
function plainRows(graph: OnnxGraph, lookedUp: string): string {
  const [next, ...others] = graph.consumersOf.get(lookedUp) ?? [];
  return next?.op === "DequantizeLinear" && others.length === 0 ? (next.outputs[0] ?? lookedUp) : lookedUp;
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

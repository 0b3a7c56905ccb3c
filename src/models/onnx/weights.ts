// A student's parameters out of an ONNX file, under Hugging Face's names. Tracing exporters rename most weights
// (onnx::MatMul_123) and transpose them, merge equal ones through Identity, and keep the module's path only in the
// names of nodes; builders have paths of their own. So a weight is known by the node that uses it, and how it lies by
// the operator: a MatMul's right side is [in, out].

import { ModelError } from "../errors";
import { HEADS, ROOTS } from "../families/config";
import { listSome } from "../files/files";
import { isStatic } from "./taps";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./wire";

/** One place where a graph says which parameter a tensor is. */
interface Use {
  readonly tensor: OnnxTensor;
  /** Stored as the transpose of what Hugging Face stores. */
  readonly transposed: boolean;
}

const QUANTIZED = new Set([
  "MatMulNBits",
  "MatMulInteger",
  "DynamicQuantizeMatMul",
  "QLinearMatMul",
  "MatMulBnb4",
  "GatherBlockQuantized",
  "DequantizeLinear",
]);
const NORMS = new Set([
  "LayerNormalization",
  "SimplifiedLayerNormalization",
  "RMSNormalization",
  "SkipLayerNormalization",
  "SkipSimplifiedLayerNormalization",
]);
/** Heads have been renamed (GPT-NeoX): a file may have any of their names. */
const HEAD_WEIGHTS = HEADS.map((module) => `${module}.weight`);
const MAX_HOPS = 8;

/** Which stored numbers a parameter is made of. */
export interface Placement {
  readonly name: string;
  /** Hugging Face's. */
  readonly shape: readonly number[];
  readonly tensor: OnnxTensor;
  /** Stored [in, out] where Hugging Face has [out, in]. */
  readonly transposed: boolean;
  /** Its first column where it is transposed, else its first number: joined projections hold several parameters. */
  readonly from: number;
  /** What the file's numbers have more than the parameter's. */
  readonly excess: number;
}

/**
 * Where the parameters of `expected` (names and shapes of Hugging Face's files) lie. Values are not looked at.
 *
 * @param normOffset what the family's norms add to their weight (Gemma: 1), which exporters fold into it or not
 * @throws ModelError when the graph is quantized, or a parameter cannot be told
 */
export function locateTensors(
  graph: OnnxGraph,
  expected: ReadonlyMap<string, readonly number[]>,
  normOffset = 0,
): Placement[] {
  refuseQuantized(graph);
  const uses = collectUses(graph);
  const placements: Placement[] = [];
  const missing: string[] = [];
  for (const [name, shape] of expected) {
    const names = HEAD_WEIGHTS.includes(name) ? [name, ...HEAD_WEIGHTS] : [name];
    const use = names.map((other) => uses.get(other)).find((found) => found !== undefined);
    const placement = packed(uses, name, shape) ?? single(use, name, shape);
    const excess = placement && folded(graph, name, placement.tensor) ? normOffset : 0;
    if (placement) placements.push({ ...placement, excess });
    else missing.push(name);
  }
  if (missing.length === 0) return placements;
  throw new ModelError(
    "unsupported",
    `the graph does not show where ${listSome(missing, 4)} ${missing.length > 1 ? "are" : "is"}; ` +
      "take a folder with model.safetensors instead.",
  );
}

/** A norm's weight that goes into its product as it is has the offset in it already. */
const folded = (graph: OnnxGraph, name: string, tensor: OnnxTensor): boolean =>
  /norm\.weight$/.test(name) && !usersOf(graph, tensor.name).some(({ op }) => op === "Add");

/** The nodes that compute with a tensor, through copies and casts. */
const usersOf = (graph: OnnxGraph, name: string, depth = 4): readonly OnnxNode[] =>
  (graph.consumersOf.get(name) ?? []).flatMap((node) =>
    depth > 0 && ["Identity", "Cast"].includes(node.op)
      ? usersOf(graph, node.outputs[0] ?? "", depth - 1)
      : [node],
  );

function refuseQuantized(graph: OnnxGraph): void {
  const node = graph.nodes.find(
    ({ op, inputs }) => QUANTIZED.has(op) && inputs.some((i) => isStatic(graph, i)),
  );
  if (!node) return;
  throw new ModelError(
    "unsupported",
    `this ONNX file is quantized (${node.op}), and a student is trained from full-precision weights. ` +
      "Take model.safetensors, or the fp32 or fp16 ONNX file of the model.",
  );
}

function single(use: Use | undefined, name: string, shape: readonly number[]): Placement | undefined {
  if (!use) return undefined;
  const { tensor } = use;
  // A parameter used in two ways (a tied head) lies as the file has it: the shape decides where it can.
  const transposed =
    use.transposed && tensor.dims.length === 2 && tensor.dims.toReversed().join() === shape.join();
  if (!transposed && tensor.dims.join() !== shape.join()) return undefined;
  return { name, shape, tensor, transposed, from: 0, excess: 0 };
}

/** Builders may join the three projections of attention into one product: [in, q + k + v]. */
function packed(
  uses: ReadonlyMap<string, Use>,
  name: string,
  shape: readonly number[],
): Placement | undefined {
  const [, module, part, kind] = /^(.*\.)([qkv])_proj\.(weight|bias)$/.exec(name) ?? [];
  const joint = uses.get(`${module}qkv_proj.${kind}`);
  if (!joint || part === undefined) return undefined;
  const { tensor } = joint;
  const transposed = kind === "weight";
  const [rows = 0] = shape;
  const total = tensor.dims.at(-1) ?? 0;
  // q first; k and v, of one size, share what is left.
  const from = part === "q" ? 0 : part === "v" ? total - rows : total - 2 * rows;
  const fits = tensor.dims.join() === [...shape.slice(1), total].join() && from >= 0;
  return fits ? { name, shape, tensor, transposed, from, excess: 0 } : undefined;
}

/** Hugging Face name → where it is used. Names of initializers speak first: exporters keep those they do not change. */
function collectUses(graph: OnnxGraph): Map<string, Use> {
  const uses = new Map<string, Use>();
  const add = (name: string, use: Use): void => {
    if (!uses.has(name)) uses.set(name, use);
  };
  for (const tensor of graph.initializers.values()) {
    const name = parameterName(tensor.name);
    if (name !== undefined) add(name, { tensor, transposed: false });
  }
  for (const node of graph.nodes) {
    for (const [name, tensor, transposed] of usesOf(graph, node)) add(name, { tensor, transposed });
  }
  return uses;
}

function* usesOf(graph: OnnxGraph, node: OnnxNode): Generator<[string, OnnxTensor, boolean]> {
  const module = moduleOf(node.name);
  const at = (index: number): Stored | undefined => stored(graph, node.inputs[index] ?? "");
  if (node.op === "Gather") {
    const table = at(0);
    if (table) yield [`${module}.weight`, table.tensor, table.flipped];
  } else if (node.op === "MatMul" || node.op === "Gemm") {
    const flipped = node.op === "Gemm" && node.ints.get("transB")?.[0] === 1;
    const [right, bias] = [at(1), node.op === "Gemm" ? at(2) : undefined];
    if (right) yield [`${module}.weight`, right.tensor, flipped === right.flipped];
    if (bias) yield [`${module}.bias`, bias.tensor, false];
  } else if (NORMS.has(node.op)) {
    const [scale, bias] = node.op.startsWith("Skip") ? [at(2), at(3)] : [at(1), at(2)];
    if (scale) yield [`${module}.weight`, scale.tensor, false];
    if (bias && node.op !== "SkipSimplifiedLayerNormalization") yield [`${module}.bias`, bias.tensor, false];
  } else if (node.op === "Mul" || node.op === "Add") {
    const vector = [at(0), at(1)].find((side) => side?.tensor.dims.length === 1);
    if (vector) yield [`${module}.${node.op === "Mul" ? "weight" : "bias"}`, vector.tensor, false];
  }
}

interface Stored {
  readonly tensor: OnnxTensor;
  /** An odd number of transpositions lies between the tensor and the node. */
  readonly flipped: boolean;
}

/** The initializer behind a name: through copies, casts and transpositions. */
function stored(graph: OnnxGraph, name: string): Stored | undefined {
  let flipped = false;
  for (let hop = 0, at = name; hop < MAX_HOPS; hop++) {
    const tensor = graph.initializers.get(at);
    if (tensor) return { tensor, flipped };
    const node = graph.producerOf.get(at);
    if (!node || !["Identity", "Cast", "Transpose"].includes(node.op)) return undefined;
    if (node.op === "Transpose") flipped = !flipped;
    at = node.inputs[0] ?? "";
  }
  return undefined;
}

/** "model.model.layers.0.mlp.up_proj.weight" → "model.layers.0.mlp.up_proj.weight"; undefined for "onnx::MatMul_7". */
function parameterName(name: string): string | undefined {
  if (!/^[a-z_]\w*(\.\w+)+$/.test(name) || !/\.(weight|bias)$/.test(name) || name.includes(".MatMul.")) {
    return undefined;
  }
  return unwrapped(name);
}

/** "/model/layers.0/attn/q_proj/MatMul" → "model.layers.0.self_attn.q_proj". */
function moduleOf(node: string): string {
  const path = node.replace(/^\//, "").split("/").slice(0, -1).join(".");
  return unwrapped(path.replace(/\.attn\.(?=(q|k|v|o|qkv)_(proj|norm))/, ".self_attn."));
}

const ANY_ROOT = ROOTS.join("|");
const ANY_HEAD = HEADS.join("|");
const OUTER_MODULES = new RegExp(`^(?:\\w+\\.)*?(?=(${ANY_ROOT})\\.(?!${ANY_ROOT}|${ANY_HEAD}))`);
const BEFORE_HEAD = new RegExp(`^(?:\\w+\\.)+(?=(${ANY_HEAD})\\b)`);

/** Exporters wrap a model in another; builders name the final norm after the block that would follow. */
const unwrapped = (name: string): string =>
  name
    .replace(OUTER_MODULES, "")
    .replace(BEFORE_HEAD, "")
    .replace(/layers\.\d+\.final_norm_layernorm/, "norm");

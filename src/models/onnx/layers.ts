// Where a decoder graph keeps the output of each block: the values of its residual stream. From the embeddings the
// stream runs through additions (or the fused add-and-normalise of ONNX Runtime) up to the final norm; two of them
// make a block, one where attention and MLP are added side by side (GPT-NeoX).

import { ModelError } from "../errors";
import type { OnnxGraph, OnnxNode } from "./wire";
import { nodeProto, type Parts } from "./write";

export interface LayerTap {
  /** The tensor that holds the block's output. */
  readonly name: string;
  /** Nodes to append when the graph fuses the sum away without returning it. */
  readonly nodes: readonly Parts[];
}

/** Fused x + skip, then a norm; output 3 is the sum, which may be left out. Value: the index of the bias input. */
const FUSED_SUMS = new Map([
  ["SkipSimplifiedLayerNormalization", 3],
  ["SkipLayerNormalization", 4],
]);
const SUM_OUTPUT = 3;
/** A stream longer than this is not that of a decoder. */
const MAX_SUMS = 4096;

/**
 * The outputs of blocks 1 to `blocks`, before the final norm.
 *
 * @param start hidden_states[0], where the residual stream begins
 * @throws ModelError when the stream cannot be divided into that many blocks
 */
export function findLayers(graph: OnnxGraph, start: string, blocks: number): LayerTap[] {
  const sums = residualSums(graph, start);
  const perBlock = sums.length / blocks;
  if (perBlock !== 1 && perBlock !== 2) {
    throw new ModelError(
      "unsupported",
      `the outputs of single blocks could not be found in this graph: its residual stream has ${sums.length} sums for ` +
        `${blocks} blocks, where 1 or 2 a block are expected. Use the embeddings and the last hidden state instead.`,
    );
  }
  return Array.from({ length: blocks }, (_, block) => {
    const sum = sums[(block + 1) * perBlock - 1];
    if (!sum) throw new RangeError(`block ${block} of ${blocks} has no sum`);
    return sum;
  });
}

function residualSums(graph: OnnxGraph, start: string): LayerTap[] {
  const sums: LayerTap[] = [];
  for (let at = start; sums.length < MAX_SUMS;) {
    const node = nextSum(graph, at);
    if (!node) break;
    const sum = sumOf(node, sums.length);
    sums.push(sum);
    if (sum.nodes.length > 0) break; // nobody reads a sum that is not returned: it was the last
    at = sum.name;
  }
  return sums;
}

/** The addition that `name` flows into; casts on the way are followed. */
function nextSum(graph: OnnxGraph, name: string): OnnxNode | undefined {
  const consumers = graph.consumersOf.get(name) ?? [];
  const isSum = ({ op, inputs }: OnnxNode): boolean =>
    (op === "Add" && inputs.every((input) => graph.producerOf.get(input)?.op !== "Constant")) ||
    (FUSED_SUMS.has(op) && inputs.slice(0, 2).includes(name));
  const direct = consumers.find((node) => isSum(node) && !addsWeight(graph, node));
  if (direct) return direct;
  const passes = consumers.filter(({ op }) => op === "Cast" || op === "Identity");
  for (const { outputs } of passes) {
    const next = (graph.consumersOf.get(outputs[0] ?? "") ?? []).find(
      (node) => isSum(node) && !addsWeight(graph, node),
    );
    if (next) return next;
  }
  return undefined;
}

const addsWeight = (graph: OnnxGraph, { op, inputs }: OnnxNode): boolean =>
  op === "Add" && inputs.some((input) => graph.initializers.has(input));

function sumOf(node: OnnxNode, index: number): LayerTap {
  const bias = FUSED_SUMS.get(node.op);
  if (bias === undefined) return { name: node.outputs[0] ?? "", nodes: [] };
  const returned = node.outputs[SUM_OUTPUT];
  if (returned) return { name: returned, nodes: [] };
  const [x = "", skip = ""] = node.inputs;
  const add = (inputs: string[], output: string): Parts =>
    nodeProto({ op: "Add", name: output, inputs, outputs: [output] });
  const name = `couplet/sum_${index}`;
  const added = node.inputs[bias];
  if (!added) return { name, nodes: [add([x, skip], name)] };
  return { name, nodes: [add([x, skip], `${name}/skip`), add([`${name}/skip`, added], name)] };
}

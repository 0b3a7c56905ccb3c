// Quantized matrices of a teacher's graph, back to f32: the head and the token table, where a method computes with
// them. value = (stored − zero point) · scale, with one scale for a tensor, an axis or a block of numbers in a row.

import { readFloats, readWhole } from "./numbers";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./wire";
import type { NamedTensor } from "../files/safetensors";

/** MatMulNBits: the weight of a product as [N, K]. B is [N, blocks, bytes]: rows of whole blocks, low bits first. */
export function dequantizeBlocks(graph: OnnxGraph, node: OnnxNode): NamedTensor | undefined {
  const attribute = (name: string): number => node.ints.get(name)?.[0] ?? 0;
  const [K, N, size] = [attribute("K"), attribute("N"), attribute("block_size")];
  const bits = attribute("bits") || 4;
  const [, b = "", s = "", z = ""] = node.inputs;
  const packed = graph.initializers.get(b)?.raw;
  const scales = floatsOf(graph, s);
  if (!packed || !scales || !(K > 0 && N > 0 && size > 0) || (bits !== 4 && bits !== 8)) return undefined;
  const blocks = Math.ceil(K / size);
  if (packed.length !== (N * blocks * size * bits) / 8 || scales.length !== N * blocks) return undefined;
  const zero = zeroPoints(graph, z, N, blocks, bits);
  if (!zero) return undefined;
  const data = new Float32Array(N * K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const block = Math.floor(k / size);
      const stored = bitsAt(packed, n * blocks * size + k, bits);
      data[n * K + k] = (stored - zero(n, block)) * (scales[n * blocks + block] ?? 0);
    }
  }
  return { shape: [N, K], data };
}

type ZeroPoint = (row: number, block: number) => number;

/** Left out it is the middle; packed it starts a new byte in each row; it may also be floats. */
function zeroPoints(
  graph: OnnxGraph,
  name: string,
  rows: number,
  blocks: number,
  bits: 4 | 8,
): ZeroPoint | undefined {
  if (name === "") return () => 2 ** (bits - 1);
  const tensor = graph.initializers.get(name);
  const floats = tensor && readFloats(tensor)?.data;
  if (floats) return (row, block) => floats[row * blocks + block] ?? 0;
  const raw = tensor?.raw;
  const rowBytes = Math.ceil((blocks * bits) / 8);
  if (!raw || raw.length !== rows * rowBytes) return undefined;
  return (row, block) => bitsAt(raw, (row * rowBytes * 8) / bits + block, bits);
}

const bitsAt = (bytes: Uint8Array, index: number, bits: 4 | 8): number =>
  bits === 8 ? (bytes[index] ?? 0) : ((bytes[index >> 1] ?? 0) >> (4 * (index & 1))) & 15;

/** GatherBlockQuantized over the rows of a table [V, D], blocks along D. */
export function dequantizeGather(graph: OnnxGraph, node: OnnxNode): NamedTensor | undefined {
  const [table = "", , s = "", z = ""] = node.inputs;
  const tensor = graph.initializers.get(table);
  const stored = tensor && readWhole(unpacked(tensor, node));
  const scaleTensor = graph.initializers.get(s);
  const scales = floatsOf(graph, s);
  const [rows = 0, blocks = 0] = scaleTensor?.dims ?? [];
  const size = node.ints.get("block_size")?.[0] ?? 128;
  if (!tensor || !stored || !scales || rows * blocks === 0) return undefined;
  const width = stored.length / rows;
  const zeros = z === "" ? undefined : graph.initializers.get(z);
  const zero = zeros && readWhole(unpacked(zeros, node));
  // Bytes that hold two numbers each are unsigned, with the middle as their zero.
  const middle = tensor.dataType === 2 ? 2 ** (bitsOf(node) - 1) : 0;
  if ((zeros && !zero) || Math.ceil(width / size) !== blocks) return undefined;
  const data = Float32Array.from(stored, (value, i) => {
    const block = Math.floor(i / width) * blocks + Math.floor((i % width) / size);
    return (value - (zero ? (zero[block] ?? 0) : middle)) * (scales[block] ?? 0);
  });
  return { shape: [rows, width], data };
}

const bitsOf = (node: OnnxNode): number => node.ints.get("bits")?.[0] ?? 4;

/** A byte tensor that holds two 4-bit numbers in each byte, as what it is. */
function unpacked(tensor: OnnxTensor, node: OnnxNode): OnnxTensor {
  if (tensor.dataType !== 2 || bitsOf(node) !== 4) return tensor;
  const dims = [...tensor.dims.slice(0, -1), 2 * (tensor.dims.at(-1) ?? 0)];
  return { ...tensor, dims, dataType: UINT4 };
}
const UINT4 = 21;

/** DequantizeLinear of a stored tensor, or of `table` when the node scales rows that were looked up in it. */
export function dequantizeLinear(graph: OnnxGraph, node: OnnxNode, table?: string): NamedTensor | undefined {
  const [x = "", s = "", z = ""] = node.inputs;
  const tensor = graph.initializers.get(table ?? x);
  const axis = node.ints.get("axis")?.[0] ?? 1;
  return tensor && scaled(graph, tensor, s, z, axis);
}

/**
 * The right side [K, N] of MatMulInteger. Its scale lies behind the product: cast, then times (scale of the
 * activations · scale of the weights).
 */
export function dequantizeProduct(graph: OnnxGraph, node: OnnxNode): NamedTensor | undefined {
  const [, b = "", , z = ""] = node.inputs;
  const tensor = graph.initializers.get(b);
  const cast = graph.consumersOf.get(node.outputs[0] ?? "")?.[0];
  const product = graph.consumersOf.get(cast?.outputs[0] ?? "")?.[0];
  const scales = graph.producerOf.get(product?.inputs.find((name) => name !== cast?.outputs[0]) ?? "");
  const s = scales?.op === "Mul" ? scales.inputs.find((name) => graph.initializers.has(name)) : undefined;
  return tensor && s !== undefined ? scaled(graph, tensor, s, z, 1) : undefined;
}

function scaled(
  graph: OnnxGraph,
  tensor: OnnxTensor,
  scale: string,
  zeroPoint: string,
  axis: number,
): NamedTensor | undefined {
  const stored = readWhole(tensor);
  const scales = floatsOf(graph, scale);
  const zeros = zeroPoint === "" ? undefined : graph.initializers.get(zeroPoint);
  const zero = zeros && readWhole(zeros);
  if (!stored || !scales || (zeros && !zero)) return undefined;
  const along = axis < 0 ? axis + tensor.dims.length : axis;
  const stride = tensor.dims.slice(along + 1).reduce((product, n) => product * n, 1);
  const count = tensor.dims[along] ?? 1;
  if (scales.length !== 1 && scales.length !== count) return undefined;
  const data = Float32Array.from(stored, (value, i) => {
    const at = scales.length === 1 ? 0 : Math.floor(i / stride) % count;
    return (value - (zero?.[zero.length === 1 ? 0 : at] ?? 0)) * (scales[at] ?? 0);
  });
  return { shape: tensor.dims, data };
}

const floatsOf = (graph: OnnxGraph, name: string): Float32Array | undefined => {
  const tensor = graph.initializers.get(name);
  return tensor && readFloats(tensor)?.data;
};

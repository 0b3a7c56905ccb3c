// The numbers of an ONNX initializer, as f32 or as small whole numbers.

import { halvesToFloats } from "../files/half";
import { FLOAT, FLOAT16, type OnnxTensor } from "./wire";
import type { NamedTensor } from "../files/safetensors";

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

/** onnx.TensorProto.DataType → bits of an element, and whether it has a sign. */
const WHOLE = new Map<number, { bits: 4 | 8; signed: boolean }>([
  [2, { bits: 8, signed: false }],
  [3, { bits: 8, signed: true }],
  [21, { bits: 4, signed: false }],
  [22, { bits: 4, signed: true }],
]);

/** Elements of an 8- or 4-bit tensor (two to a byte, the lower half first); undefined for other types. */
export function readWhole({ dims, dataType, raw }: OnnxTensor): Int16Array | undefined {
  const kind = WHOLE.get(dataType);
  const elements = dims.reduce((product, n) => product * n, 1);
  if (!kind || !raw || raw.length !== Math.ceil((elements * kind.bits) / 8)) return undefined;
  const half = 2 ** (kind.bits - 1);
  return Int16Array.from({ length: elements }, (_, i) => {
    const bits = kind.bits === 8 ? (raw[i] ?? 0) : ((raw[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
    return kind.signed && bits >= half ? bits - 2 * half : bits;
  });
}

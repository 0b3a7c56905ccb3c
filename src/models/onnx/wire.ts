// A reader for the protobuf wire format of ONNX files: just the graph (nodes, initializers, inputs, outputs).
// Tensor payloads are views into the file, never copies. Field numbers are those of onnx.proto3.

import { ModelError } from "../errors";
import { refuseStandIn } from "../files/files";

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** onnx.TensorProto.DataType: 1 f32, 7 i64, 10 f16, 16 bf16. */
  readonly dataType: number;
  /** Little-endian elements, or undefined when they are stored elsewhere. */
  readonly raw?: Uint8Array;
  /** Where the elements lie when they are in a file of their own. */
  readonly external?: ExternalData;
}

export interface ExternalData {
  /** Relative to the ONNX file. */
  readonly location: string;
  readonly offset: number;
  /** The rest of the file where it is not said. */
  readonly length?: number;
}

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints: ReadonlyMap<string, readonly number[]>;
}

export interface OnnxValue {
  readonly name: string;
  readonly elemType: number;
  /** A number where the dimension is fixed, its symbol (or "") where it is not. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly producerOf: ReadonlyMap<string, OnnxNode>;
  readonly consumersOf: ReadonlyMap<string, readonly OnnxNode[]>;
}

export const FLOAT = 1;
export const INT64 = 7;
export const BOOL = 9;
export const FLOAT16 = 10;

/** One field of a message: a number for varints, a byte range for everything with a length. */
export interface Field {
  readonly no: number;
  readonly value: number;
  readonly start: number;
  readonly end: number;
  /** The field with its tag takes bytes `from` to `next`. */
  readonly from: number;
  readonly next: number;
}

export function readOnnx(bytes: Uint8Array): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  refuseStandIn(bytes);
  for (const model of fields(bytes, 0, bytes.length)) {
    if (model.no !== 7) continue; // ModelProto.graph; repeated occurrences merge
    for (const field of message(bytes, model)) {
      if (field.no === 1) nodes.push(readNode(bytes, field));
      if (field.no === 5) {
        const tensor = readTensor(bytes, field);
        initializers.set(tensor.name, tensor);
      }
      if (field.no === 11) inputs.push(readValue(bytes, field));
      if (field.no === 12) outputs.push(readValue(bytes, field));
    }
  }
  if (nodes.length === 0) throw invalid("it has no graph");
  // Old exporters list every weight among the inputs as well.
  const fed = inputs.filter(({ name }) => !initializers.has(name));
  return { nodes, initializers, inputs: fed, outputs, ...link(nodes) };
}

function link(nodes: readonly OnnxNode[]): Pick<OnnxGraph, "producerOf" | "consumersOf"> {
  const producerOf = new Map<string, OnnxNode>();
  const consumersOf = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const output of node.outputs) producerOf.set(output, node);
    for (const input of node.inputs) {
      const consumers = consumersOf.get(input);
      if (consumers) consumers.push(node);
      else consumersOf.set(input, [node]);
    }
  }
  return { producerOf, consumersOf };
}

function readNode(bytes: Uint8Array, node: Field): OnnxNode {
  let [op, name] = ["", ""];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const ints = new Map<string, readonly number[]>();
  for (const field of message(bytes, node)) {
    if (field.no === 1) inputs.push(text(bytes, field));
    if (field.no === 2) outputs.push(text(bytes, field));
    if (field.no === 3) name = text(bytes, field);
    if (field.no === 4) op = text(bytes, field);
    if (field.no === 5) readAttribute(bytes, field, ints);
  }
  return { op, name, inputs, outputs, ints };
}

/** Keeps whole-number attributes (`i`, `ints`): axes, permutations, flags. The taps need no others. */
function readAttribute(bytes: Uint8Array, attribute: Field, ints: Map<string, readonly number[]>): void {
  let name = "";
  const values: number[] = [];
  for (const field of message(bytes, attribute)) {
    if (field.no === 1) name = text(bytes, field);
    if (field.no === 3 || field.no === 8) for (const value of integers(bytes, field)) values.push(value);
  }
  if (values.length > 0) ints.set(name, values);
}

function readTensor(bytes: Uint8Array, tensor: Field): OnnxTensor {
  let [name, dataType, outside] = ["", 0, false];
  let raw: Uint8Array | undefined;
  const where = new Map<string, string>();
  const small: number[] = [];
  const dims: number[] = [];
  for (const field of message(bytes, tensor)) {
    if (field.no === 1) for (const dim of integers(bytes, field)) dims.push(dim);
    if (field.no === 2) dataType = field.value;
    if (field.no === 5) for (const value of integers(bytes, field)) small.push(value);
    if (field.no === 4 || field.no === 9) raw = bytes.subarray(field.start, field.end);
    if (field.no === 8) name = text(bytes, field);
    if (field.no === 13) where.set(...readPair(bytes, field));
    if (field.no === 14) outside = field.value === 1;
  }
  if (small.length > 0) raw ??= packSmall(small, dataType);
  const external = outside ? externalData(where) : undefined;
  return { name, dims, dataType, ...(raw && { raw }), ...(external && { external }) };
}

/** int32_data, where tools put numbers of one or two bytes, as the bytes that raw_data would hold. */
function packSmall(values: readonly number[], dataType: number): Uint8Array | undefined {
  if (dataType === 2 || dataType === 3) return Uint8Array.from(values);
  if (dataType === FLOAT16 || dataType === 16) return new Uint8Array(Uint16Array.from(values).buffer);
  return undefined;
}

/** StringStringEntryProto. */
function readPair(bytes: Uint8Array, pair: Field): [string, string] {
  let [key, value] = ["", ""];
  for (const field of message(bytes, pair)) {
    if (field.no === 1) key = text(bytes, field);
    if (field.no === 2) value = text(bytes, field);
  }
  return [key, value];
}

function externalData(where: ReadonlyMap<string, string>): ExternalData {
  const location = where.get("location") ?? "";
  const length = where.get("length");
  const offset = Number(where.get("offset") ?? 0);
  return { location, offset, ...(length !== undefined && { length: Number(length) }) };
}

/** ValueInfoProto → TypeProto → TypeProto.Tensor → TensorShapeProto → Dimension, each as one length field. */
function readValue(bytes: Uint8Array, info: Field): OnnxValue {
  let [name, elemType] = ["", 0];
  const shape: (number | string)[] = [];
  for (const field of message(bytes, info)) {
    if (field.no === 1) name = text(bytes, field);
    if (field.no !== 2) continue;
    for (const type of message(bytes, field)) {
      if (type.no !== 1) continue;
      for (const part of message(bytes, type)) {
        if (part.no === 1) elemType = part.value;
        if (part.no === 2) for (const dim of message(bytes, part)) shape.push(readDim(bytes, dim));
      }
    }
  }
  return { name, elemType, shape };
}

function readDim(bytes: Uint8Array, dim: Field): number | string {
  for (const field of message(bytes, dim)) {
    if (field.no === 1) return field.value;
    if (field.no === 2) return text(bytes, field);
  }
  return "";
}

export const message = (bytes: Uint8Array, field: Field): Generator<Field> =>
  fields(bytes, field.start, field.end);

export function* fields(bytes: Uint8Array, start: number, end: number): Generator<Field> {
  let at = start;
  while (at < end) {
    const tag = varint(bytes, at, end);
    const no = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (wireType === 0) {
      const { value, next } = varint(bytes, tag.next, end);
      yield { no, value, start: tag.next, end: tag.next, from: at, next };
      at = next;
      continue;
    }
    const { bodyStart, bodyEnd } = span(bytes, wireType, tag.next, end);
    yield { no, value: 0, start: bodyStart, end: bodyEnd, from: at, next: bodyEnd };
    at = bodyEnd;
  }
}

function span(
  bytes: Uint8Array,
  wireType: number,
  at: number,
  end: number,
): { bodyStart: number; bodyEnd: number } {
  let [bodyStart, length] = [at, 0];
  if (wireType === 1) length = 8;
  else if (wireType === 5) length = 4;
  else if (wireType === 2) ({ value: length, next: bodyStart } = varint(bytes, at, end));
  else throw invalid(`wire type ${wireType} at byte ${at} is not in use`);
  if (length < 0 || bodyStart + length > end) {
    throw new ModelError(
      "truncated",
      `cut-off ONNX: a field at byte ${at} claims ${length} bytes, but ${end - bodyStart} are left. ` +
        "Copy or download the file again.",
    );
  }
  return { bodyStart, bodyEnd: bodyStart + length };
}

/** Signed 64-bit: exact to 2^53 in either direction, which covers every size, axis and flag. */
function varint(bytes: Uint8Array, start: number, end: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < Math.min(end, start + 8); at++, scale *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next: at + 1 };
  }
  return longVarint(bytes, start, end);
}

function longVarint(bytes: Uint8Array, start: number, end: number): { value: number; next: number } {
  let bits = 0n;
  for (let at = start; at < Math.min(end, start + 10); at++) {
    const byte = bytes[at] ?? 0;
    bits |= BigInt(byte & 127) << BigInt(7 * (at - start));
    if (byte < 128) return { value: Number(BigInt.asIntN(64, bits)), next: at + 1 };
  }
  if (start + 10 > end)
    throw new ModelError("truncated", `cut-off ONNX: it ends inside a number at byte ${start}`);
  throw invalid(`a number at byte ${start} is longer than 64 bits`);
}

/** A repeated integer field: one value, or a packed run of them. */
function integers(bytes: Uint8Array, field: Field): number[] {
  if (field.start === field.end) return [field.value];
  const values: number[] = [];
  for (let at = field.start; at < field.end;) {
    const { value, next } = varint(bytes, at, field.end);
    values.push(value);
    at = next;
  }
  return values;
}

const decoder = new TextDecoder();
const text = (bytes: Uint8Array, field: Field): string =>
  decoder.decode(bytes.subarray(field.start, field.end));

const invalid = (message: string): ModelError => new ModelError("invalid", `broken ONNX: ${message}`);

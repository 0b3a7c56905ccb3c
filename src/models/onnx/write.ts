// Writing ONNX protobuf messages: the few that a Llama graph and a graph patch need.
// A message under construction is a flat list of byte runs, joined once at the end, so that weights are copied once.

import { allocate, concatBytes } from "../files/files";

export type Parts = readonly Uint8Array[];

/** Bytes that come last, one parameter at a time: of a weight, or its transpose, no copy is held beside the file. */
export interface LateBytes {
  readonly length: number;
  /** Whose values they are made of. */
  readonly parameter: string;
  /** Writes them, to a view of `length` bytes that starts anywhere. */
  put(target: Uint8Array, values: Float32Array): void;
}
export type Piece = Uint8Array | LateBytes;

const encoder = new TextEncoder();

/** A field with a length: text, bytes or a nested message. */
export function lengthField(no: number, body: string | Uint8Array | Parts): Uint8Array[] {
  const parts =
    typeof body === "string" ? [encoder.encode(body)] : body instanceof Uint8Array ? [body] : body;
  return [lengthHead(no, lengthOf(parts)), ...parts];
}

const lateField = (no: number, parts: readonly Piece[]): Piece[] => [
  lengthHead(no, lengthOf(parts)),
  ...parts,
];

const lengthOf = (parts: readonly Piece[]): number => parts.reduce((sum, part) => sum + part.length, 0);

/** What stands before the body of such a field. */
export const lengthHead = (no: number, length: number): Uint8Array =>
  Uint8Array.from([...varint(no * 8 + 2), ...varint(length)]);

export const intField = (no: number, value: number): Uint8Array =>
  Uint8Array.from([...varint(no * 8), ...varint(value)]);

export interface NodeSpec {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A whole number, a list of them, or a float, which has to say so. */
export type Attribute = number | readonly number[] | { readonly f32: number };

export function nodeProto({ op, name, inputs, outputs, attributes = {} }: NodeSpec): Parts {
  return [
    ...inputs.flatMap((input) => lengthField(1, input)),
    ...outputs.flatMap((output) => lengthField(2, output)),
    ...lengthField(3, name),
    ...lengthField(4, op),
    ...Object.entries(attributes).flatMap(([key, value]) => lengthField(5, attributeProto(key, value))),
  ];
}

const [ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS] = [1, 2, 7];

function attributeProto(name: string, value: Attribute): Parts {
  return [...lengthField(1, name), ...attributeBody(value)];
}

function attributeBody(value: Attribute): Parts {
  if (typeof value === "number") return [intField(3, value), intField(20, ATTRIBUTE_INT)];
  if ("f32" in value) return [floatField(2, value.f32), intField(20, ATTRIBUTE_FLOAT)];
  return [...value.map((v) => intField(8, v)), intField(20, ATTRIBUTE_INTS)];
}

/** Wire type 5: four bytes, the lowest first. */
function floatField(no: number, value: number): Uint8Array {
  const field = new Uint8Array(5);
  field[0] = no * 8 + 5;
  new DataView(field.buffer).setFloat32(1, value, true);
  return field;
}

export function tensorProto(
  name: string,
  dims: readonly number[],
  dataType: number,
  data: Float32Array | BigInt64Array | Uint16Array | Uint8Array,
): Parts {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const shape = dims.map((dim) => intField(1, dim));
  return [...shape, intField(2, dataType), ...lengthField(8, name), ...lengthField(9, raw)];
}

/** The same with numbers that come last,. */
export function lateTensorProto(
  name: string,
  dims: readonly number[],
  dataType: number,
  late: LateBytes,
): Piece[] {
  const shape = dims.map((dim) => intField(1, dim));
  return [...shape, intField(2, dataType), ...lengthField(8, name), ...lateField(9, [late])];
}

/** Name, type and shape of a graph input or output; a string dimension is symbolic. */
export function valueInfo(name: string, elemType: number, shape: readonly (number | string)[]): Parts {
  const dims = shape.flatMap((dim) =>
    lengthField(1, typeof dim === "number" ? intField(1, dim) : lengthField(2, dim)),
  );
  const tensorType = [intField(1, elemType), ...lengthField(2, dims)];
  return [...lengthField(1, name), ...lengthField(2, lengthField(1, tensorType))];
}

export interface GraphSpec {
  readonly nodes: readonly Parts[];
  readonly initializers: readonly (readonly Piece[])[];
  readonly inputs: readonly Parts[];
  readonly outputs: readonly Parts[];
}

/** A file that lacks nothing but the values of its parameters. */
export interface UnfilledModel {
  readonly bytes: Uint8Array;
  readonly parameters: ReadonlySet<string>;
  /** Each parameter once, in any order. */
  fill(parameter: string, values: Float32Array): void;
}

export function modelProto(name: string, graph: GraphSpec): Uint8Array {
  return unfilledModel(name, graph).bytes; // it has no late bytes
}

export function unfilledModel(name: string, graph: GraphSpec): UnfilledModel {
  const body = [
    ...graph.nodes.flatMap((node) => lengthField(1, node)),
    ...lengthField(2, name),
    ...graph.initializers.flatMap((tensor) => lateField(5, tensor)),
    ...graph.inputs.flatMap((value) => lengthField(11, value)),
    ...graph.outputs.flatMap((value) => lengthField(12, value)),
  ];
  const opset = [...lengthField(1, ""), intField(2, OPSET)];
  return joined([
    intField(1, IR_VERSION),
    ...lengthField(2, "couplet"),
    ...lateField(7, body),
    ...lengthField(8, opset),
  ]);
}

/** With room behind, so that a graph can be patched in place. */
function joined(pieces: readonly Piece[]): UnfilledModel {
  const bytes = allocate(lengthOf(pieces));
  const late: { readonly piece: LateBytes; readonly target: Uint8Array }[] = [];
  let at = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) bytes.set(piece, at);
    else late.push({ piece, target: bytes.subarray(at, at + piece.length) });
    at += piece.length;
  }
  return {
    bytes,
    parameters: new Set(late.map(({ piece }) => piece.parameter)),
    fill(parameter, values) {
      for (const { piece, target } of late) if (piece.parameter === parameter) piece.put(target, values);
    },
  };
}

// The newest pair that every ONNX Runtime since 1.13 reads, and the last opset where ReduceMean takes `axes`
// as an attribute.
const OPSET = 17;
const IR_VERSION = 8;

/**
 * Bytes that, appended to an ONNX file, add graph outputs (and nodes that compute them): protobuf merges repeated
 * occurrences of an embedded message, so a second `graph` field extends the first. Types may be left out; ONNX
 * Runtime infers them.
 */
export function graphPatch(outputs: readonly string[], nodes: readonly Parts[] = []): Uint8Array {
  const added = nodes.flatMap((node) => lengthField(1, node));
  const returned = outputs.flatMap((name) => lengthField(12, lengthField(1, name)));
  return concatBytes(lengthField(7, [...added, ...returned]));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  // Negative numbers are 64-bit two's complement: ten bytes.
  let rest = value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

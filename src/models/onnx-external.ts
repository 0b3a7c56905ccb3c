// ONNX files whose weights lie in files beside them (model.onnx_data): put together into one, which every backend of
// ONNX Runtime takes from memory. Protobuf ends at 2 GB, and so does this.

import { ModelError } from "./errors";
import { allocate, type ModelFiles, type ReadProgress } from "./files";
import { type ExternalData, type Field, fields, message, type OnnxGraph, type OnnxTensor } from "./onnx-wire";
import { intField, lengthField, type Parts } from "./onnx-write";

const MAX_BYTES = 2 ** 31 - 2 ** 20;
const GRAPH = 7;
const INITIALIZER = 5;
const [NAME, RAW] = [8, 9];

/** The data files that a graph needs, relative to the model folder. */
export function externalFiles(graph: OnnxGraph, onnxFile: string): string[] {
  const places = [...graph.initializers.values()].flatMap(({ external }) => external?.location ?? []);
  return [...new Set(places)].map((location) => beside(onnxFile, location));
}

function beside(onnxFile: string, location: string): string {
  if (!/^[\w][\w.-]*$/.test(location)) {
    throw new ModelError(
      "invalid",
      `weights are said to lie in ${JSON.stringify(location)}, which is not a file beside the graph`,
    );
  }
  return onnxFile.replace(/[^/]*$/, location);
}

/** `bytes` with all weights inside; the same bytes when they are already. */
export async function inlineExternal(
  files: ModelFiles,
  onnxFile: string,
  bytes: Uint8Array,
  graph: OnnxGraph,
  onProgress?: ReadProgress,
): Promise<Uint8Array> {
  const data = new Map<string, Uint8Array>();
  for (const path of externalFiles(graph, onnxFile)) data.set(path, await files.read(path, onProgress));
  if (data.size === 0) return bytes;
  const of = ({ name, external }: OnnxTensor): Uint8Array | undefined =>
    external && slice(name, external, data.get(beside(onnxFile, external.location)));
  const parts = rewritten(bytes, graph, of);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > MAX_BYTES) {
    throw new ModelError(
      "unsupported",
      `graph and weights take ${size} bytes together, and 2 GB is the most that a tab can hand over. ` +
        "Take a smaller export (q4, q8 or fp16) or another model.",
    );
  }
  const whole = allocate(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function slice(name: string, { location, offset, length }: ExternalData, data?: Uint8Array): Uint8Array {
  const end = length === undefined ? (data?.length ?? 0) : offset + length;
  if (data && offset >= 0 && end >= offset && end <= data.length) return data.subarray(offset, end);
  throw new ModelError(
    "truncated",
    `${name} lies at bytes ${offset} to ${end} of ${location}, which has ${data?.length ?? 0}. Download it again.`,
  );
}

/** Runs of the old file between tensors that are written anew. */
function rewritten(
  bytes: Uint8Array,
  graph: OnnxGraph,
  dataOf: (tensor: OnnxTensor) => Uint8Array | undefined,
): Parts {
  const parts: Uint8Array[] = [];
  for (const field of fields(bytes, 0, bytes.length)) {
    if (field.no !== GRAPH) parts.push(whole(bytes, field));
    else parts.push(...lengthField(GRAPH, graphParts(bytes, field, graph, dataOf)));
  }
  return parts;
}

function graphParts(
  bytes: Uint8Array,
  field: Field,
  graph: OnnxGraph,
  dataOf: (tensor: OnnxTensor) => Uint8Array | undefined,
): Parts {
  const parts: Uint8Array[] = [];
  for (const inner of message(bytes, field)) {
    const tensor = inner.no === INITIALIZER ? graph.initializers.get(nameOf(bytes, inner)) : undefined;
    const data = tensor && dataOf(tensor);
    if (tensor && data) parts.push(...lengthField(INITIALIZER, tensorParts(tensor, data)));
    else parts.push(whole(bytes, inner));
  }
  return parts;
}

function nameOf(bytes: Uint8Array, tensor: Field): string {
  for (const { no, start, end } of message(bytes, tensor)) {
    if (no === NAME) return new TextDecoder().decode(bytes.subarray(start, end));
  }
  return "";
}

const tensorParts = ({ name, dims, dataType }: OnnxTensor, data: Uint8Array): Parts => [
  ...dims.map((dim) => intField(1, dim)),
  intField(2, dataType),
  ...lengthField(NAME, name),
  ...lengthField(RAW, data),
];

const whole = (bytes: Uint8Array, { from, next }: Field): Uint8Array => bytes.subarray(from, next);

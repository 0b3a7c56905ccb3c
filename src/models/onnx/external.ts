// ONNX files whose weights lie in files beside them (model.onnx_data): put together into one, which every backend of
// ONNX Runtime takes from memory. Protobuf ends at 2 GB, and so does this.

import { type ByteRange, readRanges } from "./byte-ranges";
import { ModelError } from "../errors";
import { allocate, type ModelFiles, pathInside, type ReadProgress, streamOf } from "../files/files";
import { type ExternalData, type Field, fields, message, type OnnxGraph, type OnnxTensor } from "./wire";
import { intField, lengthField, lengthHead } from "./write";

const MAX_BYTES = 2 ** 31 - 2 ** 20;
const GRAPH = 7;
const INITIALIZER = 5;
const [NAME, RAW] = [8, 9];

/** The data files that a graph needs, relative to the model folder. */
function externalFiles(graph: OnnxGraph, onnxFile: string): string[] {
  const places = [...graph.initializers.values()].flatMap(({ external }) => external?.location ?? []);
  return [...new Set(places)].map((location) => beside(onnxFile, location));
}

/** @throws ModelError for a location that leaves the graph's folder. */
export function beside(onnxFile: string, location: string): string {
  const inside = pathInside(location);
  if (inside === undefined) {
    throw new ModelError(
      "invalid",
      `weights are said to lie in ${JSON.stringify(location)}, which is not a file beside the graph`,
    );
  }
  return onnxFile.slice(0, onnxFile.lastIndexOf("/") + 1) + inside;
}

/**
 * `bytes` with all weights inside; the same bytes when they are already. Data files are read straight to their places:
 * of them no second copy is held.
 */
export async function inlineExternal(
  files: ModelFiles,
  onnxFile: string,
  bytes: Uint8Array,
  graph: OnnxGraph,
  onProgress?: ReadProgress,
): Promise<Uint8Array> {
  const paths = externalFiles(graph, onnxFile);
  if (paths.length === 0) return bytes;
  const lengths = await dataLengths(files, onnxFile, graph);
  const pieces = rewritten(bytes, graph, lengths);
  const size = lengthOf(pieces);
  if (size > MAX_BYTES) {
    throw new ModelError(
      "unsupported",
      `graph and weights take ${size} bytes together, and 2 GB is the most that a tab can hand over. ` +
        "Take a smaller export (q4, q8 or fp16) or another model.",
    );
  }
  const whole = allocate(size);
  const ranges = new Map(paths.map((path): [string, ByteRange[]] => [path, []]));
  let at = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) whole.set(piece, at);
    else ranges.get(beside(onnxFile, piece.external.location))?.push(rangeOf(piece, whole, at));
    at += piece.length;
  }
  for (const [path, there] of ranges) await readRanges(await streamOf(files, path, onProgress), path, there);
  return whole;
}

/** Room for data that is not here yet. */
interface Gap {
  readonly name: string;
  readonly external: ExternalData;
  readonly length: number;
}
type Piece = Uint8Array | Gap;

function rangeOf({ name, external, length }: Gap, whole: Uint8Array, at: number): ByteRange {
  let to = at;
  const write = (piece: Uint8Array): void => {
    whole.set(piece, to);
    to += piece.length;
  };
  return { name, start: external.offset, bytes: length, write };
}

/** Bytes of data by tensor name; what has no length of its own ends where its file does. */
async function dataLengths(
  files: ModelFiles,
  onnxFile: string,
  graph: OnnxGraph,
): Promise<Map<string, number>> {
  const lengths = new Map<string, number>();
  for (const { name, external } of graph.initializers.values()) {
    if (!external) continue;
    const { location, offset, length } = external;
    lengths.set(name, length ?? (await files.read(beside(onnxFile, location))).length - offset);
  }
  return lengths;
}

const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

const framed = (no: number, body: readonly Piece[]): Piece[] => [lengthHead(no, lengthOf(body)), ...body];

/** Runs of the old file between tensors that are written anew. */
function rewritten(bytes: Uint8Array, graph: OnnxGraph, lengths: ReadonlyMap<string, number>): Piece[] {
  const pieces: Piece[] = [];
  for (const field of fields(bytes, 0, bytes.length)) {
    if (field.no !== GRAPH) pieces.push(whole(bytes, field));
    else pieces.push(...framed(GRAPH, graphPieces(bytes, field, graph, lengths)));
  }
  return pieces;
}

function graphPieces(
  bytes: Uint8Array,
  field: Field,
  graph: OnnxGraph,
  lengths: ReadonlyMap<string, number>,
): Piece[] {
  const pieces: Piece[] = [];
  for (const inner of message(bytes, field)) {
    const tensor = inner.no === INITIALIZER ? graph.initializers.get(nameOf(bytes, inner)) : undefined;
    if (tensor?.external) {
      pieces.push(...framed(INITIALIZER, tensorPieces(tensor, tensor.external, lengths)));
    } else pieces.push(whole(bytes, inner));
  }
  return pieces;
}

function nameOf(bytes: Uint8Array, tensor: Field): string {
  for (const { no, start, end } of message(bytes, tensor)) {
    if (no === NAME) return new TextDecoder().decode(bytes.subarray(start, end));
  }
  return "";
}

function tensorPieces(
  { name, dims, dataType }: OnnxTensor,
  external: ExternalData,
  lengths: ReadonlyMap<string, number>,
): Piece[] {
  const gap = { name, external, length: Math.max(0, lengths.get(name) ?? 0) };
  return [
    ...dims.map((dim) => intField(1, dim)),
    intField(2, dataType),
    ...lengthField(NAME, name),
    ...framed(RAW, [gap]),
  ];
}

const whole = (bytes: Uint8Array, { from, next }: Field): Uint8Array => bytes.subarray(from, next);

// A student's parameters from an ONNX file, in f32: converted (and transposed, where the file has them so) as the bytes
// pass by, so that beyond the parameters themselves no more than a chunk of the file is held.

import { readRanges, refuseBeyond } from "./byte-ranges";
import { ModelError, whileReading, withFile } from "../errors";
import {
  type FileSlices,
  missingFile,
  type ModelFiles,
  type ReadProgress,
  refuseStandIn,
  streamOf,
} from "../files/files";
import { bfloatStore, halfStore } from "../files/half";
import { beside } from "./external";
import { outlineOnnx, outlineSlices, OWN_FILE } from "./stream";
import { locateTensors, type Placement } from "./weights";
import { FLOAT, FLOAT16, type OnnxGraph, type OnnxTensor, readOnnx } from "./wire";
import type { NamedTensor } from "../files/safetensors";

type Expected = ReadonlyMap<string, readonly number[]>;

const BFLOAT16 = 16;
/** Bytes that are converted at once. */
const SLICE_BYTES = 256 * 1024;

/**
 * The tensors of `expected` (names and shapes of Hugging Face's files). The file is read twice, for its structure and
 * for its weights; so are data files beside it, once.
 *
 * @throws ModelError when the graph is quantized, or a parameter cannot be told
 */
export async function streamOnnxParameters(
  files: ModelFiles,
  file: string,
  expected: Expected,
  {
    normOffset = 0,
    onProgress,
  }: { normOffset?: number | undefined; onProgress?: ReadProgress | undefined } = {},
): Promise<Map<string, NamedTensor>> {
  const graph = await whileReading(file, async () =>
    readOnnx(await outlineOnnx(await streamOf(files, file, half(onProgress, 0)))),
  );
  const { tensors, stored } = withFile(file, () => openTensors(graph, expected, normOffset));
  const away = grouped(stored.filter(fillFromMemory), ({ tensor }) => tensor.external?.location ?? "");
  for (const [location, there] of away) {
    const path = location === OWN_FILE ? file : withFile(file, () => beside(file, location));
    const ranges = there.map(({ tensor: { name, external }, bytes, write }) => ({
      ...{ name, bytes, write },
      start: external?.offset ?? 0,
    }));
    await whileReading(path, async () =>
      readRanges(await streamOf(files, path, half(onProgress, 1)), path, ranges),
    );
  }
  return tensors;
}

/**
 * Whether they could be read: the graph is looked through, and its data files are there; no weight is read.
 *
 * @returns the data files beside the graph
 */
export async function checkOnnxParameters(
  files: ModelFiles,
  file: string,
  expected: Expected,
  normOffset = 0,
): Promise<string[]> {
  const graph = await readOutline(files, file);
  const placements = withFile(file, () => locateTensors(graph, expected, normOffset));
  withFile(file, () => placements.forEach(({ tensor }) => bytesOf(tensor)));
  return dataFiles(files, file, graph);
}

/** A graph without its weights: what lies outside, or is large, is named by its place. */
export const readOutline = (files: ModelFiles, file: string): Promise<OnnxGraph> =>
  whileReading(file, async () =>
    readOnnx(
      files.slices
        ? await outlineSlices(await files.slices(file))
        : await outlineOnnx(await streamOf(files, file)),
    ),
  );

/** The files that an outlined graph keeps weights in. @throws ModelError for one that is not there, or not whole. */
export async function dataFiles(files: ModelFiles, file: string, graph: OnnxGraph): Promise<string[]> {
  const away = [...graph.initializers.values()].flatMap(({ name, external }) =>
    external?.location ? [{ name, ...external }] : [],
  );
  const ranges = grouped(away, ({ location }) => withFile(file, () => beside(file, location)));
  for (const [path, there] of ranges) {
    if (!(await files.has(path)))
      throw missingFile(files.id, path, "the graph keeps weights in it and it is not there");
    if (files.slices) await checkData(await files.slices(path), path, there);
  }
  return [...ranges.keys()];
}

const checkData = (
  { size, read }: FileSlices,
  path: string,
  there: readonly { readonly name: string; readonly offset: number; readonly length?: number }[],
): Promise<void> =>
  whileReading(path, async () => {
    refuseStandIn(await read(0, 1000));
    refuseBeyond(
      size,
      path,
      there.map(({ name, offset, length = 0 }) => ({ name, start: offset, bytes: length })),
    );
  });

/** The same from a graph that is in memory with all its weights. */
export function tensorsFromOnnx(
  graph: OnnxGraph,
  expected: Expected,
  normOffset = 0,
): Map<string, NamedTensor> {
  const { tensors, stored } = openTensors(graph, expected, normOffset);
  const away = stored.find(fillFromMemory);
  if (away) throw invalid(`${away.tensor.name} lies in a file of its own`);
  return tensors;
}

/** One bar over both readings. */
const half = (onProgress: ReadProgress | undefined, done: 0 | 1): ReadProgress | undefined =>
  onProgress && ((loaded, total) => onProgress(done * total + loaded, 2 * total));

/** A tensor of the file and the parameters that its numbers go to. */
interface Stored {
  readonly tensor: OnnxTensor;
  readonly bytes: number;
  /** Takes its bytes in order, in pieces of any length. */
  write(bytes: Uint8Array): void;
}

function openTensors(
  graph: OnnxGraph,
  expected: Expected,
  normOffset: number,
): { tensors: Map<string, NamedTensor>; stored: Stored[] } {
  const placements = locateTensors(graph, expected, normOffset);
  const stored = [...grouped(placements, ({ tensor }) => tensor)].map(([tensor, of]) => ({
    tensor,
    of: of.map((placement) => ({ ...placement, data: new Float32Array(sizeOf(placement.shape)) })),
    bytes: bytesOf(tensor),
  }));
  const found = new Map(
    stored.flatMap(({ of }) => of.map(({ name, shape, data }) => [name, { shape, data }])),
  );
  const inOrder = [...expected.keys()].flatMap((name): [string, NamedTensor][] => {
    const tensor = found.get(name);
    return tensor ? [[name, tensor]] : [];
  });
  return {
    tensors: new Map(inOrder),
    stored: stored.map(({ tensor, bytes, of }) => ({ tensor, bytes, write: createWriter(tensor, of) })),
  };
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** @throws ModelError for types that are no plain floats, and where the bytes that are there do not fit the shape. */
function bytesOf({ name, dims, dataType, raw, external }: OnnxTensor): number {
  if (![FLOAT, FLOAT16, BFLOAT16].includes(dataType)) {
    throw new ModelError("unsupported", `${name} is stored as type ${dataType}; f32, f16 and bf16 are read`);
  }
  const bytes = sizeOf(dims) * (dataType === FLOAT ? 4 : 2);
  const there = external ? (external.length ?? bytes) : (raw?.length ?? 0);
  if (there !== bytes) throw invalid(`${name} [${dims.join(", ")}] takes ${bytes} bytes, it has ${there}`);
  return bytes;
}

/** @returns whether its numbers have to be read from elsewhere */
function fillFromMemory({ tensor, write }: Stored): boolean {
  if (tensor.external) return true;
  write(tensor.raw ?? new Uint8Array(0));
  return false;
}

interface Target extends Placement {
  readonly data: Float32Array;
}

function createWriter({ dims, dataType }: OnnxTensor, targets: readonly Target[]): Stored["write"] {
  const width = dataType === FLOAT ? 4 : 2;
  const columns = dims.at(-1) ?? 1;
  const carried = new Uint8Array(width); // the first bytes of a number that a cut went through
  let [carry, index] = [0, 0];
  const put = (bytes: Uint8Array): void => {
    const values = decode(bytes, dataType);
    for (const target of targets) place(target, values, index, columns);
    index += values.length;
  };
  return (bytes) => {
    let at = 0;
    if (carry > 0) {
      at = Math.min(width - carry, bytes.length);
      carried.set(bytes.subarray(0, at), carry);
      carry += at;
      if (carry < width) return;
      put(carried);
      carry = 0;
    }
    const end = bytes.length - ((bytes.length - at) % width);
    for (; at < end; at += SLICE_BYTES) put(bytes.subarray(at, Math.min(at + SLICE_BYTES, end)));
    carried.set(bytes.subarray(end));
    carry = bytes.length - end;
  };
}

/** A copy, since neither protobuf nor a cut aligns. */
function decode(bytes: Uint8Array, dataType: number): Float32Array {
  const own = bytes.slice().buffer;
  if (dataType === FLOAT) return new Float32Array(own);
  const bits = new Uint16Array(own);
  const values = new Float32Array(bits.length);
  const store = dataType === FLOAT16 ? halfStore(values) : bfloatStore(values);
  for (let i = 0; i < bits.length; i++) store(i, bits[i] ?? 0);
  return values;
}

/** Stored numbers `index` and on, of a tensor with so many columns, to where a parameter has them. */
function place(target: Target, values: Float32Array, index: number, columns: number): void {
  const { data, from, shape, transposed, excess } = target;
  if (excess !== 0) {
    for (const [i, value] of values.entries()) data[index + i] = value - excess; // a norm's: one vector, all of it
    return;
  }
  if (!transposed) {
    const [first, last] = [Math.max(index, from), Math.min(index + values.length, from + data.length)];
    if (first < last) data.set(values.subarray(first - index, last - index), first - from);
    return;
  }
  const [out = 0, rows = 0] = shape; // stored as [rows, columns], of which `out` are this parameter's
  let [row, column] = [Math.floor(index / columns), index % columns];
  for (const value of values) {
    const c = column - from;
    if (c >= 0 && c < out) data[c * rows + row] = value;
    if (++column === columns) [row, column] = [row + 1, 0];
  }
}

const invalid = (message: string): ModelError => new ModelError("invalid", `broken ONNX: ${message}`);

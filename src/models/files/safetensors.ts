// safetensors: 8 bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.
// Read into f32 whatever the stored precision; written as F32. https://huggingface.co/docs/safetensors

import { ModelError } from "../errors";
import { messageOf } from "../../base/errors";
import { concatBytes, maybePointer, refuseStandIn } from "./files";
import { bfloatStore, halfStore } from "./half";

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** What is read. */
const ELEMENT_BYTES = new Map([
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
]);
/** What else a file may hold, beside tensors that are read: passed over when nobody asks for it. */
const OTHER_BYTES = new Map(
  Object.entries({
    ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, U16: 2, I16: 2, U32: 4, I32: 4 },
    ...{ U64: 8, I64: 8, F64: 8, C64: 8 },
  }),
);

/** Whether a tensor is wanted, by its name: one that is not is passed over, whatever its type. */
export type Wanted = (name: string, dtype: string) => boolean;

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly start: number;
  readonly end: number;
}

/** A whole file that is in memory already. */
export function readSafetensors(bytes: Uint8Array): Map<string, NamedTensor> {
  const reader = createSafetensorsReader(bytes.length);
  reader.push(bytes);
  return reader.end();
}

/** A file as it arrives: beyond the tensors themselves, no more than a chunk is ever held. */
export async function streamSafetensors(
  chunks: AsyncIterable<Uint8Array>,
  size?: number,
  wanted?: Wanted,
): Promise<Map<string, NamedTensor>> {
  const reader = createSafetensorsReader(size, wanted);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.end();
}

/** Names and shapes of the tensors that are wanted, from a file's head: the rest is not read. */
export async function streamShapes(
  chunks: AsyncIterable<Uint8Array>,
  size: number | undefined,
  wanted: Wanted,
): Promise<Map<string, readonly number[]>> {
  let head: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    head = concatBytes([head, chunk.slice()]);
    const layout = maybePointer(head) ? undefined : readLayout(head, size);
    if (layout) return new Map(wantedEntries(layout, wanted).map(([name, { shape }]) => [name, shape]));
  }
  throw incompleteHeader(head);
}

/** @throws ModelError for one of a type that is not read. */
function wantedEntries({ entries }: Layout, wanted: Wanted): (readonly [string, Entry])[] {
  return entries.filter(([name, entry]) => {
    if (!wanted(name, entry.dtype)) return false;
    if (!ELEMENT_BYTES.has(entry.dtype)) throw unsupportedType(name, entry.dtype);
    return true;
  });
}

export interface SafetensorsReader {
  push(chunk: Uint8Array): void;
  /** @throws ModelError when the file is not complete. */
  end(): Map<string, NamedTensor>;
}

/**
 * @param size in bytes, where it is known beforehand: a header that asks for more is refused before memory is
 * @param wanted which tensors to keep; all unless said, and then one of a type that is not read is refused
 */
export function createSafetensorsReader(size?: number, wanted: Wanted = () => true): SafetensorsReader {
  let head: Uint8Array | undefined = new Uint8Array(0); // bytes before the data, until the header is whole
  let layout: Layout | undefined;
  let received = 0;
  let at = 0; // position in the data
  const tensors = new Map<string, NamedTensor>();
  const order: Filling[] = [];
  let next = 0;

  function start(bytes: Uint8Array): Uint8Array | undefined {
    head = head && concatBytes([head, bytes]);
    if (head && maybePointer(head)) return undefined; // the next bytes will tell
    layout = head && readLayout(head, size);
    if (!layout || !head) return undefined;
    for (const [name, entry] of wantedEntries(layout, wanted)) {
      const filling = openTensor(name, entry);
      tensors.set(name, { shape: entry.shape, data: filling.data });
      if (entry.end > entry.start) order.push(filling);
    }
    order.sort((a, b) => a.entry.start - b.entry.start);
    const rest = head.subarray(layout.dataStart);
    head = undefined;
    return rest;
  }

  return {
    push(chunk) {
      received += chunk.length;
      const data = layout ? chunk : start(chunk);
      for (let used = 0; data && used < data.length;) {
        const filling = order[next];
        if (!filling) break;
        const { entry } = filling;
        if (at < entry.start) {
          const gap = Math.min(entry.start - at, data.length - used);
          [at, used] = [at + gap, used + gap];
          continue;
        }
        const take = Math.min(entry.end - at, data.length - used);
        filling.write(data.subarray(used, used + take));
        [at, used] = [at + take, used + take];
        if (at === entry.end) next++;
      }
    },
    end() {
      if (!layout) throw incompleteHeader(head ?? new Uint8Array(0));
      const open = order[next];
      if (open) {
        const there = received - layout.dataStart;
        throw truncated(
          `${open.name} ends at byte ${open.entry.end} of the data, but only ${there} bytes are there`,
        );
      }
      return tensors;
    },
  };
}

/** The header's `__metadata__`: text by name; empty when there is none. */
export function readSafetensorsMetadata(bytes: Uint8Array): Record<string, string> {
  const layout = readLayout(bytes, bytes.length);
  if (!layout) throw incompleteHeader(bytes);
  return layout.metadata;
}

export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata?: Record<string, string>,
): Uint8Array {
  for (const [name, { shape, data }] of tensors) {
    const elements = elementsOf(shape);
    if (elements === data.length) continue;
    throw new RangeError(`${name}: shape [${shape.join(", ")}] needs ${elements} values, got ${data.length}`);
  }
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const file = unfilledFile(shapes, metadata);
  for (const [name, { data }] of tensors) file.fill(name, data);
  return file.bytes;
}

/** The same with one tensor in memory at a time, beside the file. */
export async function gatherSafetensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  read: (name: string) => Promise<NamedTensor>,
): Promise<Uint8Array> {
  const file = unfilledFile(shapes);
  for (const name of shapes.keys()) file.fill(name, (await read(name)).data);
  return file.bytes;
}

function unfilledFile(
  shapes: ReadonlyMap<string, readonly number[]>,
  metadata: Record<string, string> = { format: "pt" },
): { readonly bytes: Uint8Array; fill(name: string, data: Float32Array): void } {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const places = new Map<string, number>();
  let offset = 0;
  for (const [name, shape] of shapes) {
    places.set(name, offset);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, (offset += 4 * elementsOf(shape))] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8; // spaces pad the header, so that the data is aligned
  const bytes = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  return {
    bytes,
    fill: (name, { buffer, byteOffset, byteLength }) =>
      bytes.set(new Uint8Array(buffer, byteOffset, byteLength), 8 + headerBytes + (places.get(name) ?? 0)),
  };
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

interface Layout {
  readonly entries: readonly (readonly [string, Entry])[];
  readonly dataStart: number;
  readonly metadata: Record<string, string>;
}

/** The header of a file that begins with `bytes`; undefined while it is not whole. */
function readLayout(bytes: Uint8Array, size?: number): Layout | undefined {
  if (bytes.length < 8) return undefined;
  const dataStart = 8 + headerLength(bytes);
  if (dataStart > bytes.length) return undefined;
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    throw invalid(`its header is not JSON (${messageOf(error)})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw invalid("its header is not a JSON object");
  }
  const { __metadata__: metadata }: Record<string, unknown> = { ...header };
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => [name, readEntry(name, value, (size ?? Infinity) - dataStart)] as const);
  refuseOverlaps(entries);
  return { entries, dataStart, metadata: texts(metadata) };
}

/** The string members of an object; nothing else is allowed there, and nothing else is of use. */
function texts(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => (typeof text === "string" ? [[name, text]] : [])),
  );
}

function headerLength(bytes: Uint8Array): number {
  refuseStandIn(bytes);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length <= BigInt(MAX_HEADER_BYTES)) return Number(length);
  throw invalid(
    `its header claims ${length} bytes, above the limit of ${MAX_HEADER_BYTES}: not a safetensors file`,
  );
}

function incompleteHeader(bytes: Uint8Array): ModelError {
  refuseStandIn(bytes);
  if (bytes.length < 8) return truncated(`expected at least 8 bytes, got ${bytes.length}`);
  return truncated(`its header ends at byte ${8 + headerLength(bytes)}, but the file has ${bytes.length}`);
}

function readEntry(name: string, value: unknown, dataBytes: number): Entry {
  if (typeof value !== "object" || value === null) throw invalid(`${name}: its entry is not an object`);
  const { dtype, shape, data_offsets: offsets }: Record<string, unknown> = { ...value };
  if (typeof dtype !== "string") throw unsupportedType(name, dtype);
  if (!isSizes(shape)) throw invalid(`${name}: shape must be a list of sizes, got ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw invalid(`${name}: data_offsets must be [start, end], got ${JSON.stringify(offsets)}`);
  }
  const [start = 0, end = 0] = offsets;
  if (end > dataBytes) {
    throw truncated(`${name} ends at byte ${end} of the data, but only ${dataBytes} bytes are there`);
  }
  const elementBytes = ELEMENT_BYTES.get(dtype) ?? OTHER_BYTES.get(dtype);
  const needed = elementBytes && shape.reduce((product, n) => product * n, elementBytes);
  if (needed !== undefined && end - start !== needed) {
    throw invalid(
      `${name}: ${dtype} [${shape.join(", ")}] takes ${needed} bytes, but data_offsets span ${end - start}`,
    );
  }
  if (end < start)
    throw invalid(`${name}: data_offsets must be [start, end], got ${JSON.stringify(offsets)}`);
  return { dtype, shape, start, end };
}

const unsupportedType = (name: string, dtype: unknown): ModelError =>
  new ModelError(
    "unsupported",
    `${name} is stored as ${JSON.stringify(dtype)}; supported are F32, F16, BF16`,
  );

/** Shared bytes are not in the format, and would let a small file expand without limit. */
function refuseOverlaps(entries: readonly (readonly [string, Entry])[]): void {
  const sorted = entries
    .filter(([, { start, end }]) => end > start)
    .toSorted((a, b) => a[1].start - b[1].start);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1], sorted[i]];
    if (before && after && after[1].start < before[1].end) {
      throw invalid(`${before[0]} and ${after[0]} overlap in the data`);
    }
  }
}

/** A tensor that fills up from the left. */
interface Filling {
  readonly name: string;
  readonly entry: Entry;
  readonly data: Float32Array;
  write(bytes: Uint8Array): void;
}

function openTensor(name: string, entry: Entry): Filling {
  const bytes = entry.end - entry.start;
  const elementBytes = ELEMENT_BYTES.get(entry.dtype) ?? 4;
  let data: Float32Array;
  try {
    data = new Float32Array(bytes / elementBytes);
  } catch {
    throw invalid(`${name}: there is no memory for its ${bytes / elementBytes} numbers`);
  }
  if (entry.dtype === "F32") {
    const target = new Uint8Array(data.buffer);
    let at = 0;
    const write = (chunk: Uint8Array): void => {
      target.set(chunk, at);
      at += chunk.length;
    };
    return { name, entry, data, write };
  }
  const store = entry.dtype === "F16" ? halfStore(data) : bfloatStore(data);
  let [at, low] = [0, -1]; // `low`: the first byte of a number whose second has not come
  const write = (chunk: Uint8Array): void => {
    for (const byte of chunk) {
      if (low < 0) low = byte;
      else {
        store(at++, low | (byte << 8));
        low = -1;
      }
    }
  };
  return { name, entry, data, write };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

const invalid = (message: string): ModelError => new ModelError("invalid", `broken safetensors: ${message}`);

const truncated = (message: string): ModelError =>
  new ModelError("truncated", `cut-off safetensors: ${message}. Copy or download it again.`);

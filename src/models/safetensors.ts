// safetensors: 8 bytes of header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.
// Read into f32 whatever the stored precision; written as F32. https://huggingface.co/docs/safetensors

import { ModelError, reason } from "./errors";
import { bfloatsToFloats, halvesToFloats } from "./half";

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const ELEMENT_BYTES = new Map([
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
]);

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly start: number;
  readonly end: number;
}

export function readSafetensors(bytes: Uint8Array): Map<string, NamedTensor> {
  const { header, dataStart } = readHeader(bytes);
  const dataBytes = bytes.length - dataStart;
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => [name, readEntry(name, value, dataBytes)] as const);
  refuseOverlaps(entries);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, { dtype, shape, start, end }] of entries) {
    tensors.set(name, { shape, data: decode(bytes.subarray(dataStart + start, dataStart + end), dtype) });
  }
  return tensors;
}

export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string> = { format: "pt" },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const elements = shape.reduce((product, n) => product * n, 1);
    if (elements !== data.length) {
      throw new RangeError(
        `${name}: shape [${shape.join(", ")}] needs ${elements} values, got ${data.length}`,
      );
    }
    header[name] = { dtype: "F32", shape, data_offsets: [offset, (offset += data.byteLength)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8; // spaces pad the header, so that the data is aligned
  const bytes = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  let position = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw truncated(`expected at least 8 bytes, got ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(
      `its header claims ${length} bytes, above the limit of ${MAX_HEADER_BYTES}: not a safetensors file`,
    );
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    throw truncated(`its header ends at byte ${dataStart}, but the file has ${bytes.length}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    throw invalid(`its header is not JSON (${reason(error)})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw invalid("its header is not a JSON object");
  }
  return { header: { ...header }, dataStart };
}

function readEntry(name: string, value: unknown, dataBytes: number): Entry {
  if (typeof value !== "object" || value === null) throw invalid(`${name}: its entry is not an object`);
  const { dtype, shape, data_offsets: offsets }: Record<string, unknown> = { ...value };
  const elementBytes = typeof dtype === "string" ? ELEMENT_BYTES.get(dtype) : undefined;
  if (typeof dtype !== "string" || elementBytes === undefined) {
    throw new ModelError(
      "unsupported",
      `${name} is stored as ${JSON.stringify(dtype)}; supported are F32, F16, BF16`,
    );
  }
  if (!isSizes(shape)) throw invalid(`${name}: shape must be a list of sizes, got ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw invalid(`${name}: data_offsets must be [start, end], got ${JSON.stringify(offsets)}`);
  }
  const [start = 0, end = 0] = offsets;
  if (end > dataBytes) {
    throw truncated(`${name} ends at byte ${end} of the data, but only ${dataBytes} bytes are there`);
  }
  const needed = shape.reduce((product, n) => product * n, elementBytes);
  if (end - start !== needed) {
    throw invalid(
      `${name}: ${dtype} [${shape.join(", ")}] takes ${needed} bytes, but data_offsets span ${end - start}`,
    );
  }
  return { dtype, shape, start, end };
}

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

function decode(raw: Uint8Array, dtype: string): Float32Array {
  const own = raw.slice().buffer; // aligned, and not held to the whole file
  if (dtype === "F32") return new Float32Array(own);
  const halves = new Uint16Array(own);
  return dtype === "F16" ? halvesToFloats(halves) : bfloatsToFloats(halves);
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

const invalid = (message: string): ModelError => new ModelError("invalid", `broken safetensors: ${message}`);

const truncated = (message: string): ModelError =>
  new ModelError("truncated", `cut-off safetensors: ${message}. Copy or download it again.`);

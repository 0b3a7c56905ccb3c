// What a teacher computed for single sequences, kept between runs: sets of records by teacher and taps, in a store of
// files. A set is a folder of segments, written once and named by the digest of their bytes, so that a segment that was
// cut or changed is seen and dropped; index.json beside them says whose set it is and when each was last used.

import { sha256 } from "../../base/digest";
import { asObject } from "../families/config-fields";
import { parseJson } from "../files/files";
import type { FileWriter, ModelStore } from "../library/model-store";
import {
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "../files/safetensors";

/** Whose states a set holds. All of it is part of the set's key. */
interface StateSetName {
  /** As the run names it: model, revision and dtype. */
  readonly teacher: string;
  /** Digest of the model's files, the backend that runs them and its version. */
  readonly identity: string;
  /** What is kept of each sequence: "embedding", "hidden", "layer.2". */
  readonly taps: readonly string[];
}

/** One sequence's states. */
export interface StateRecord {
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** Anything small beside them. */
  readonly note: string;
}

export interface StoredStates {
  readonly key: string;
  /** Undefined where index.json is lost. */
  readonly teacher?: string;
  readonly taps: readonly string[];
  readonly bytes: number;
  /** Milliseconds since 1970; 0 where it is not known. */
  readonly lastUsed: number;
}

export interface StateSet {
  /** Undefined when it is not there, or was damaged; what is damaged is deleted. */
  read(key: string): Promise<StateRecord | undefined>;
  /** Kept in memory until a segment is full or `flush` is called. */
  write(key: string, record: StateRecord): Promise<void>;
  flush(): Promise<void>;
}

export interface StateSets {
  open(name: StateSetName): Promise<StateSet>;
  list(): Promise<StoredStates[]>;
  /** One set, or all. */
  delete(key?: string): Promise<void>;
}

export interface StateLimits {
  /** Of all sets together: beyond it, the segments that were used longest ago go. */
  readonly maxBytes: number;
  readonly segmentBytes: number;
  /** Of segments that were read and are held for the next read. */
  readonly heldBytes: number;
  now(): number;
}

export const STATE_LIMITS: StateLimits = {
  maxBytes: 2 * 2 ** 30,
  segmentBytes: 4 * 2 ** 20,
  heldBytes: 64 * 2 ** 20,
  now: () => Date.now(),
};

const INDEX = "index.json";
const SEGMENT = /^([0-9a-f]{64})\.safetensors$/;
/** Part of every key: a change of what records hold makes all of them new. */
const FORMAT = 1;

type Records = ReadonlyMap<string, StateRecord>;

export function createStateSets(store: ModelStore, limits: StateLimits = STATE_LIMITS): StateSets {
  const wrote = createLimit(store, limits.maxBytes);
  return {
    async open(name) {
      const key = await sha256(JSON.stringify([FORMAT, name.teacher, name.identity, ...name.taps]));
      return openSet(store, key, name, limits, wrote);
    },
    async list() {
      const models = await store.list();
      return Promise.all(
        models.map(async ({ key, files }) => describe(key, files, await readIndex(store, key))),
      );
    },
    async delete(key) {
      for (const model of await store.list())
        if (key === undefined || model.key === key) await store.delete(model.key);
    },
  };
}

function describe(key: string, files: readonly { readonly bytes: number }[], index: Index): StoredStates {
  return {
    key,
    ...(index.teacher !== undefined && { teacher: index.teacher }),
    taps: index.taps,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    lastUsed: Math.max(0, ...index.used.values()),
  };
}

async function openSet(
  store: ModelStore,
  folder: string,
  { teacher, taps }: StateSetName,
  { segmentBytes, heldBytes, now }: StateLimits,
  wrote: (bytes: number) => Promise<void>,
): Promise<StateSet> {
  const { used } = await readIndex(store, folder);
  const segmentOf = await locate(store, folder);
  const held = new Map<string, { records: Records; bytes: number }>(); // the one used longest ago first
  let open = new Map<string, StateRecord>();
  let openBytes = 0;
  let queue: Promise<unknown> = Promise.resolve();

  /** Reads and writes of files one after the other. */
  function serially<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  function hold(segment: string, records: Records, bytes: number): void {
    held.set(segment, { records, bytes });
    let total = [...held.values()].reduce((sum, one) => sum + one.bytes, 0);
    for (const [name, one] of held) {
      if (total <= heldBytes || name === segment) break;
      held.delete(name);
      total -= one.bytes;
    }
  }

  async function recordsOf(segment: string): Promise<Records | undefined> {
    used.set(segment, now());
    const known = held.get(segment);
    if (known) {
      held.delete(segment);
      held.set(segment, known);
      return known.records;
    }
    const bytes = await readSegment(store, folder, segment);
    if (bytes) {
      const records = decodeSegment(bytes);
      hold(segment, records, bytes.length);
      return records;
    }
    for (const [key, at] of segmentOf) if (at === segment) segmentOf.delete(key);
    used.delete(segment);
    await store.delete(folder, segment);
    return undefined;
  }

  async function flush(): Promise<void> {
    const [records, bytes] = [open, encodeSegment(open)];
    [open, openBytes] = [new Map(), 0];
    if (records.size > 0) {
      const segment = `${await sha256(bytes)}.safetensors`;
      await writeWhole(store, folder, segment, bytes);
      for (const key of records.keys()) segmentOf.set(key, segment);
      used.set(segment, now());
      hold(segment, records, bytes.length);
    }
    if (used.size === 0) return;
    const index = { teacher, taps, used: Object.fromEntries(used) };
    await writeWhole(store, folder, INDEX, new TextEncoder().encode(JSON.stringify(index)));
    if (records.size > 0) await wrote(bytes.length);
  }

  return {
    async read(key) {
      const waiting = open.get(key);
      if (waiting) return waiting;
      return serially(async () => {
        const segment = segmentOf.get(key);
        return segment === undefined ? open.get(key) : (await recordsOf(segment))?.get(key);
      });
    },
    async write(key, record) {
      open.set(key, record);
      for (const { data } of record.tensors.values()) openBytes += data.byteLength;
      if (openBytes >= segmentBytes) await serially(flush);
    },
    flush: () => serially(flush),
  };
}

/** Record → segment, from the segments' headers. */
async function locate(store: ModelStore, folder: string): Promise<Map<string, string>> {
  const segmentOf = new Map<string, string>();
  const files = (await store.list()).find(({ key }) => key === folder)?.files ?? [];
  for (const { path, whole } of files) {
    if (!SEGMENT.test(path) || !whole) continue;
    const blob = await store.open(folder, path);
    if (!blob) continue;
    const keys = await headerKeys(blob).catch(() => undefined);
    if (!keys) await store.delete(folder, path);
    for (const key of keys ?? []) segmentOf.set(key, path);
  }
  return segmentOf;
}

async function headerKeys(blob: Blob): Promise<string[]> {
  const length = new DataView(await blob.slice(0, 8).arrayBuffer()).getBigUint64(0, true);
  if (length > BigInt(blob.size)) throw new RangeError("a header that is longer than its file");
  const header = await blob.slice(0, 8 + Number(length)).arrayBuffer();
  return Object.keys(asObject(parseJson(new Uint8Array(header, 8)))["__metadata__"] ?? {});
}

/** Undefined when it is not there or not what was written. */
async function readSegment(
  store: ModelStore,
  folder: string,
  segment: string,
): Promise<Uint8Array | undefined> {
  const blob = await store.open(folder, segment);
  const bytes = blob && new Uint8Array(await blob.arrayBuffer());
  const [, digest] = SEGMENT.exec(segment) ?? [];
  return bytes && (await sha256(bytes)) === digest ? bytes : undefined;
}

/** Tensors are called KEY/NAME; the notes are the file's metadata, by key. */
function encodeSegment(records: Records): Uint8Array {
  const tensors = [...records].flatMap(([key, record]) =>
    [...record.tensors].map(([name, tensor]) => [`${key}/${name}`, tensor] as const),
  );
  const notes = [...records].map(([key, { note }]) => [key, note] as const);
  return writeSafetensors(new Map(tensors), Object.fromEntries(notes));
}

function decodeSegment(bytes: Uint8Array): Records {
  const records = new Map<string, { tensors: Map<string, NamedTensor>; note: string }>();
  for (const [key, note] of Object.entries(readSafetensorsMetadata(bytes)))
    records.set(key, { tensors: new Map(), note });
  for (const [path, tensor] of readSafetensors(bytes)) {
    const slash = path.indexOf("/");
    records.get(path.slice(0, slash))?.tensors.set(path.slice(slash + 1), tensor);
  }
  return records;
}

interface Index {
  readonly teacher?: string;
  readonly taps: readonly string[];
  /** When each segment was last used. */
  readonly used: Map<string, number>;
}

/** A lost or broken index costs the order of use, no more. */
async function readIndex(store: ModelStore, folder: string): Promise<Index> {
  try {
    const blob = await store.open(folder, INDEX);
    if (!blob) return { taps: [], used: new Map() };
    const json = asObject(parseJson(new Uint8Array(await blob.arrayBuffer())));
    const { teacher, taps } = json;
    const used = Object.entries(asObject(json["used"])).flatMap(([path, at]): [string, number][] =>
      typeof at === "number" ? [[path, at]] : [],
    );
    return {
      ...(typeof teacher === "string" && { teacher }),
      taps: Array.isArray(taps) ? taps.map(String) : [],
      used: new Map(used),
    };
  } catch {
    return { taps: [], used: new Map() };
  }
}

async function writeWhole(store: ModelStore, folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const writer: FileWriter = await store.append(folder, path, 0);
  await writer.write(bytes);
  await writer.close(true);
}

/** Told of what was written, it keeps all sets together below the limit. Files are only counted when that may matter. */
function createLimit(store: ModelStore, maxBytes: number): (bytes: number) => Promise<void> {
  let total: number | undefined;
  return async (bytes) => {
    if (total !== undefined) total += bytes;
    if (total === undefined || total > maxBytes) total = await prune(store, maxBytes);
  };
}

/**
 * Where there is more than `maxBytes`, segments of all sets go, those used longest ago first, until there is room for
 * some more.
 *
 * @returns the bytes that are left
 */
async function prune(store: ModelStore, maxBytes: number): Promise<number> {
  const segments = [];
  for (const { key, files } of await store.list()) {
    const { used } = await readIndex(store, key);
    for (const { path, bytes } of files)
      if (path !== INDEX) segments.push({ key, path, bytes, at: used.get(path) ?? 0 });
  }
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= maxBytes) return total;
  for (const { key, path, bytes } of segments.toSorted((a, b) => a.at - b.at)) {
    if (total <= 0.9 * maxBytes) break;
    await store.delete(key, path);
    total -= bytes;
  }
  return total;
}

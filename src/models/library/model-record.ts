// What is written down beside a stored model: where it came from and which files were asked for. A folder of which
// some files are still to come is then never taken for a whole one, and its download can go on after a reload.

import { sha256 } from "../../base/digest";
import type { RemoteFile, RemoteSource } from "./hub-client";
import type { ModelKey, ModelStore, StoredFile, StoredModel } from "./model-store";
import { findTaps } from "../onnx/taps";
import { readOnnx } from "../onnx/wire";
import { ONNX_FILES, type OnnxDtype } from "../teacher/session";

import { messageOf } from "../../base/errors";

const RECORD_FILE = ".couplet.json";

export interface ModelRecord {
  readonly version: 1;
  /** Undefined for a folder that was dropped. */
  readonly source?: RemoteSource;
  /** All files that were asked for, with their sizes where these were known. */
  readonly wanted: readonly RemoteFile[];
  /** Of what is in the files (see `folderMark`), once all have come; shown, so that two copies can be told apart. */
  readonly mark?: string;
  /** Of each ONNX file that was looked through: why no teacher can be tapped in it, or "" when it can. */
  readonly taps: Readonly<Partial<Record<OnnxDtype, string>>>;
}

export async function readRecord(store: ModelStore, key: ModelKey): Promise<ModelRecord | undefined> {
  const blob = await store.open(key, RECORD_FILE);
  if (!blob) return undefined;
  try {
    return JSON.parse(await blob.text()) as ModelRecord; // our own file
  } catch {
    return undefined; // it was cut off while it was written
  }
}

export async function writeRecord(store: ModelStore, key: ModelKey, record: ModelRecord): Promise<void> {
  const writer = await store.append(key, RECORD_FILE, 0);
  await writer.write(new TextEncoder().encode(JSON.stringify(record)));
  await writer.close(true);
}

/** A second download of a model adds to what was asked for before. */
export function addWanted(record: ModelRecord | undefined, files: readonly RemoteFile[]): RemoteFile[] {
  const others = (record?.wanted ?? []).filter(({ path }) => !files.some((file) => file.path === path));
  return [...others, ...files];
}

/** The files of the model itself. */
export const modelFiles = ({ files }: StoredModel): StoredFile[] =>
  files.filter(({ path }) => path !== RECORD_FILE);

/** What was asked for and is not here, or not completely. */
export function missingFiles(model: StoredModel, record: ModelRecord | undefined): RemoteFile[] {
  const files = modelFiles(model);
  const wanted: readonly RemoteFile[] = record?.wanted ?? files.map(({ path }) => ({ path }));
  return wanted.filter(({ path, bytes }) => {
    const here = files.find((file) => file.path === path);
    return !here?.whole || (bytes !== undefined && here.bytes !== bytes);
  });
}

/** Larger graphs, and those with their weights beside them, are not read only to look; opening them will tell. */
const MOST_BYTES = 600e6;

/** Looks for the taps of a teacher in the graphs that are here and were not looked through yet. */
export async function checkTaps(store: ModelStore, key: ModelKey, known: ModelRecord["taps"]) {
  const taps: Partial<Record<OnnxDtype, string>> = { ...known };
  for (const [dtype, path] of Object.entries(ONNX_FILES) as [OnnxDtype, string][]) {
    const blob = taps[dtype] === undefined ? await store.open(key, path) : undefined;
    if (!blob || blob.size > MOST_BYTES || (await store.open(key, `${path}_data`))) continue;
    try {
      findTaps(readOnnx(new Uint8Array(await blob.arrayBuffer())));
      taps[dtype] = "";
    } catch (error) {
      taps[dtype] = messageOf(error);
    }
  }
  return taps;
}

const SAMPLES = 16;
const SAMPLE_BYTES = 64 * 1024;

/**
 * Names a folder by what is in it: SHA-256 over paths, sizes and sixteen pieces of each file, in twelve hex digits.
 * Another checkpoint of the same shape differs in every piece behind the header.
 */
export async function folderMark(paths: ReadonlyMap<string, Blob>): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const [path, blob] of [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(new TextEncoder().encode(`${path}\n${blob.size}\n`));
    const pieces = blob.size <= SAMPLES * SAMPLE_BYTES ? 1 : SAMPLES;
    const length = pieces === 1 ? blob.size : SAMPLE_BYTES;
    for (let i = 0; i < pieces; i++) {
      const at = pieces === 1 ? 0 : Math.floor((i * (blob.size - length)) / (pieces - 1));
      parts.push(new Uint8Array(await blob.slice(at, at + length).arrayBuffer()));
    }
  }
  return shortDigest(new Uint8Array(await new Blob(parts).arrayBuffer()));
}

/** Long enough to tell contents apart, short enough to read. */
export const shortDigest = async (data: Uint8Array | string): Promise<string> =>
  (await sha256(data)).slice(0, 12);

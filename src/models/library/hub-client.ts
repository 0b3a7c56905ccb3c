// The only module that talks to model hosts. Nothing here runs by itself: each function is a request that a person made.
// transformers.js never contacts a host: hub.ts turns its own requests off.

import { ModelError } from "../errors";
import { messageOf } from "../../base/errors";
import { type FetchFn, listSome } from "../files/files";
import type { ModelKey, ModelStore } from "./model-store";

/** A model on a host with Hugging Face's addresses, or a folder at an address. */
export type RemoteSource =
  | { readonly kind: "hub"; readonly id: string; readonly revision?: string; readonly host?: string }
  | { readonly kind: "address"; readonly url: string };

const HUB = "https://huggingface.co";

export interface RemoteFile {
  readonly path: string;
  /** Undefined where the host does not say. */
  readonly bytes?: number;
}

export interface Listing {
  readonly key: ModelKey;
  readonly files: readonly RemoteFile[];
  /** The commit that the revision names now: what makes a run repeatable. */
  readonly commit?: string;
}

export interface DownloadProgress {
  readonly path: string;
  /** Over all files, those that were there included. */
  readonly loaded: number;
  readonly total: number;
}

export interface RequestOptions {
  readonly fetchFn?: FetchFn;
  readonly signal?: AbortSignal;
  /** A host that sends nothing for so long is given up on. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;

/**
 * What the store and run settings call it. A host names its own commits, so the name of another host than the hub is
 * part of the key: no host can pass its files off as another's.
 */
export function keyOf(source: RemoteSource): ModelKey {
  if (source.kind === "address") return source.url.replace(/\/*$/, "");
  const { id, revision = "main", host = HUB } = source;
  const at = host === HUB ? "" : `//${new URL(host).host}/`;
  return `hub:${at}${id}@${revision}`;
}

function addressOf(source: RemoteSource, path: string): string {
  const safe = path.split("/").map(encodeURIComponent).join("/");
  if (source.kind === "address") return `${keyOf(source)}/${safe}`;
  const { id, revision = "main", host = HUB } = source;
  return `${host}/${id}/resolve/${encodeURIComponent(revision)}/${safe}`;
}

/** The files of a model and their sizes: one small request. An address has no listing; its files are asked for by name. */
export async function listRemote(
  source: RemoteSource,
  candidates: readonly string[],
  options: RequestOptions = {},
): Promise<Listing> {
  const key = keyOf(source);
  if (source.kind === "address") {
    const heads = await Promise.all(candidates.map((path) => sizeAt(source, path, options)));
    return { key, files: heads.flatMap((file) => file ?? []) };
  }
  const { id, revision = "main", host = HUB } = source;
  const url = `${host}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const response = await request(key, url, options);
  const json: unknown = await response.json().catch((error: unknown) => {
    throw new ModelError("invalid", `${key}: the host's list of files is not JSON (${messageOf(error)})`);
  });
  return { key, ...parseListing(json, key) };
}

function parseListing(json: unknown, key: string): Omit<Listing, "key"> {
  const { siblings, sha } = record(json);
  if (!Array.isArray(siblings)) throw new ModelError("invalid", `${key}: the host's answer lists no files`);
  const files = siblings.flatMap((entry: unknown) => {
    const { rfilename: path, size } = record(entry);
    if (typeof path !== "string") return [];
    return [{ path, ...(typeof size === "number" && { bytes: size }) }];
  });
  return { files, ...(typeof sha === "string" && /^[\w.-]{1,64}$/.test(sha) && { commit: sha }) };
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {};

export async function sizeAt(
  source: RemoteSource,
  path: string,
  options: RequestOptions,
): Promise<RemoteFile | undefined> {
  const { fetchFn = defaultFetch, signal } = options;
  const response = await fetchFn(addressOf(source, path), {
    method: "HEAD",
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unreachable(keyOf(source), addressOf(source, path), messageOf(error));
  });
  if (!response.ok || (response.headers.get("content-type") ?? "").startsWith("text/html")) return undefined;
  const bytes = Number(response.headers.get("content-length") ?? NaN);
  return { path, ...(Number.isFinite(bytes) && { bytes }) };
}

/** A small file, kept in memory alone: configurations, before anything is downloaded. */
export async function readRemote(
  source: RemoteSource,
  path: string,
  options: RequestOptions = {},
): Promise<Uint8Array> {
  const response = await request(keyOf(source), addressOf(source, path), options);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Brings the files into the store, one after the other. What is there is not asked for again; what was begun goes on
 * where it stopped. An abort rejects with the signal's reason and keeps what came.
 *
 * @throws ModelError that names the file, and says whether trying again will go on
 */
export async function download(
  source: RemoteSource,
  files: readonly RemoteFile[],
  store: ModelStore,
  onProgress: (progress: DownloadProgress) => void = () => undefined,
  options: RequestOptions = {},
): Promise<void> {
  const key = keyOf(source);
  const total = files.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  let before = 0;
  for (const file of files) {
    const report = (loaded: number): void =>
      onProgress({ path: file.path, loaded: before + loaded, total: Math.max(total, before + loaded) });
    const there = await store.file(key, file.path);
    if (there?.whole && (file.bytes === undefined || there.bytes === file.bytes)) report(there.bytes);
    else await fetchFile(source, file, store, report, options);
    before += (await store.file(key, file.path))?.bytes ?? 0;
  }
}

async function fetchFile(
  source: RemoteSource,
  file: RemoteFile,
  store: ModelStore,
  report: (loaded: number) => void,
  options: RequestOptions,
): Promise<void> {
  const key = keyOf(source);
  const there = await store.file(key, file.path);
  const usable = there && !there.whole && there.bytes > 0 && there.bytes <= (file.bytes ?? Infinity);
  const from = usable ? there.bytes : 0;
  if (usable && from === file.bytes) {
    const writer = await store.append(key, file.path, from);
    return writer.close(true);
  }
  const headers = from > 0 ? { range: `bytes=${from}-` } : undefined;
  const response = await request(key, addressOf(source, file.path), options, headers);
  const start = startOf(response, from);
  if (start === undefined) {
    await response.body?.cancel();
    await store.delete(key, file.path); // it goes on elsewhere than asked: begin again
    return fetchFile(source, file, store, report, options);
  }
  const whole = expectedLength(key, file, response, start);
  const writer = await store.append(key, file.path, start);
  const loaded = await streamToFile(response, writer, start, report, key, file.path, options);
  if (whole !== undefined && loaded !== whole) {
    await writer.close(false);
    if (loaded > whole) {
      await store.delete(key, file.path);
      throw new ModelError(
        "mismatch",
        `${key}: ${file.path} has more than the ${whole} bytes it was said to have`,
        {
          file: file.path,
        },
      );
    }
    throw brokenOff(key, file.path, `${loaded} of ${whole} bytes came`);
  }
  await writer.close(true);
}

/** Where the body begins in the file: as asked, or 0 from a host that ignores ranges. */
function startOf(response: Response, asked: number): number | undefined {
  if (asked === 0 || response.status === 200) return 0;
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
  return Number(start) === asked ? asked : undefined;
}

function expectedLength(
  key: string,
  file: RemoteFile,
  response: Response,
  start: number,
): number | undefined {
  const compressed = response.headers.get("content-encoding") !== null;
  const announced = response.headers.get("content-length");
  const length = compressed || announced === null ? undefined : start + Number(announced);
  if (file.bytes !== undefined && length !== undefined && file.bytes !== length) {
    throw new ModelError(
      "mismatch",
      `${key}: ${file.path} was listed with ${file.bytes} bytes and comes with ${length}: it has changed. Look the model up again.`,
      { file: file.path },
    );
  }
  return file.bytes ?? length;
}

/** @returns the length of the file so far. */
async function streamToFile(
  response: Response,
  writer: { write(chunk: Uint8Array): Promise<void>; close(whole: boolean): Promise<void> },
  start: number,
  report: (loaded: number) => void,
  key: string,
  path: string,
  { signal, patienceMs = PATIENCE_MS }: RequestOptions,
): Promise<number> {
  let loaded = start;
  const reader = response.body?.getReader();
  const stop = (): void => void reader?.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const next = await withTimeout(reader?.read(), patienceMs);
      signal?.throwIfAborted();
      if (!next || next.done) return loaded;
      await writer.write(next.value);
      loaded += next.value.length;
      report(loaded);
    }
  } catch (error) {
    await writer.close(false);
    stop();
    signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    throw brokenOff(key, path, messageOf(error));
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function withTimeout<T>(work: Promise<T> | undefined, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

const defaultFetch: FetchFn = (url, init) => fetch(url, init);

async function request(
  key: string,
  url: string,
  { fetchFn = defaultFetch, signal, patienceMs = PATIENCE_MS }: RequestOptions,
  headers?: Record<string, string>,
): Promise<Response> {
  let response: Response | undefined;
  try {
    const init = { ...(signal && { signal }), ...(headers && { headers }), credentials: "omit" as const };
    response = await withTimeout(fetchFn(url, init), patienceMs);
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(key, url, messageOf(error));
  }
  if (response?.ok) return response;
  throw refused(key, url, response?.status ?? 0);
}

function refused(key: string, url: string, status: number): ModelError {
  const why =
    status === 404
      ? "there is no such model, revision or file; check the name"
      : status === 401 || status === 403
        ? "it is private or asks for an agreement; download it with your account and drop the folder here"
        : status === 416
          ? "the file is shorter than what was downloaded; delete the model and start again"
          : status === 429
            ? "the host asks to wait; try again in a few minutes"
            : "try again later";
  return new ModelError("missing-file", `${key}: ${url} answered ${status}: ${why}.`);
}

const unreachable = (key: string, url: string, why: string): ModelError =>
  new ModelError("missing-file", `${key}: ${listSome([url])} could not be reached (${why}). Are you online?`);

const brokenOff = (key: string, path: string, why: string): ModelError =>
  new ModelError(
    "truncated",
    `${key}: the download of ${path} broke off (${why}). Start it again: it goes on from there.`,
    {
      file: path,
    },
  );

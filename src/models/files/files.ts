// Where the bytes of a model folder come from: a URL, memory, or (node-files.ts) a directory.
// Paths are relative to the folder: "config.json", "onnx/model.onnx".

import { ModelError, withFile } from "../errors";
import { messageOf } from "../../base/errors";

export type ReadProgress = (loadedBytes: number, totalBytes: number) => void;

export interface ModelFiles {
  /** Shown in messages; not a path. */
  readonly id: string;
  /** Looking for a file is a request of its own: do not look for what need not be there. */
  readonly asking?: boolean;
  read(path: string, onProgress?: ReadProgress): Promise<Uint8Array>;
  has(path: string): Promise<boolean>;
  /** The same bytes as they arrive, for readers that need not hold the file. */
  stream?(path: string, onProgress?: ReadProgress): Promise<ByteStream>;
  /** A file of which parts can be read without the rest: to look at a graph between its weights. */
  slices?(path: string): Promise<FileSlices>;
}

export interface FileSlices {
  readonly size: number;
  /** Fewer bytes only at the end of the file. */
  read(from: number, to: number): Promise<Uint8Array>;
}

export interface ByteStream {
  /** Bytes to come, where that is known. */
  readonly size?: number;
  /** Each chunk is good until the next is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The file as a stream; where the source has none, as one chunk. */
export async function streamOf(
  files: ModelFiles,
  path: string,
  onProgress?: ReadProgress,
): Promise<ByteStream> {
  if (files.stream) return files.stream(path, onProgress);
  const bytes = await files.read(path, onProgress);
  return {
    size: bytes.length,
    chunks: (async function* () {
      yield bytes;
    })(),
  };
}

export type FetchFn = (url: string, init?: RequestInit) => Promise<Response>;

/**
 * A folder of our own site. In a worker, pass an absolute URL: relative ones start at the worker's script.
 * Other sites are refused, so that no setting can make the page fetch from a third party.
 */
export function urlFiles(
  id: string,
  baseUrl: string,
  fetchFn: FetchFn = (url, init) => fetch(url, init),
): ModelFiles {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const at = (path: string): string => base + path.split("/").map(encodeURIComponent).join("/");
  if (typeof location !== "undefined" && new URL(base, location.href).origin !== location.origin) {
    throw new RangeError(`models are read from this site (${location.origin}) only, got ${base}`);
  }
  return {
    id,
    asking: true,
    async read(path, onProgress) {
      const response = await request(id, path, fetchFn, at(path));
      return collect(bodyOf(id, path, response, onProgress));
    },
    async stream(path, onProgress) {
      const response = await request(id, path, fetchFn, at(path));
      return bodyOf(id, path, response, onProgress);
    },
    async has(path) {
      try {
        const response = await fetchFn(at(path), { method: "HEAD" });
        return response.ok && !isPageFallback(path, response);
      } catch {
        return false;
      }
    },
  };
}

/** Files that are already in memory: tests, and folders dropped on the page. */
export function memoryFiles(id: string, files: ReadonlyMap<string, Uint8Array>): ModelFiles {
  return {
    id,
    async read(path, onProgress) {
      const bytes = files.get(path);
      if (!bytes) throw missingFile(id, path, `it holds ${listSome([...files.keys()])}`);
      onProgress?.(bytes.length, bytes.length);
      return bytes;
    },
    async slices(path) {
      const bytes = await this.read(path);
      return { size: bytes.length, read: async (from, to) => bytes.subarray(from, to) };
    },
    has: async (path) => files.has(path),
  };
}

/** A folder that is not there, for what does not read it. */
export const absentFiles = (id: string): ModelFiles => ({
  id,
  read: (path) => Promise.reject(missingFile(id, path, "the folder is not there")),
  has: async () => false,
});

export async function readJson(files: ModelFiles, path: string): Promise<unknown> {
  const bytes = await files.read(path);
  return withFile(path, () => parseJson(bytes));
}

export function parseJson(bytes: Uint8Array): unknown {
  refuseStandIn(bytes);
  try {
    return JSON.parse(new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelError("invalid", `expected UTF-8 JSON, but ${messageOf(error)}`);
  }
}

/** JSON begins with ASCII, so that a zero tells UTF-16; decoders drop a byte order mark themselves. */
function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || second === 0) return "utf-16le";
  if ((first === 0xfe && second === 0xff) || first === 0) return "utf-16be";
  return "utf-8";
}

/**
 * A path that a file of the folder names, in plain form: "./a b/é" is "a b/é". Undefined for one that would leave the
 * folder or that reads differently on another system.
 */
export function pathInside(path: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\\]/.test(path) || /^([/~]|[A-Za-z]:)/.test(path)) return undefined;
  const parts = path.split("/").filter((part) => part !== ".");
  return parts.length > 0 && parts.every((part) => part !== "" && part !== "..")
    ? parts.join("/")
    : undefined;
}

const POINTER = "version https://git-lfs.github.com/spec/";

/** The start of a web page; eight letters are enough, which is what safetensors' header length takes. */
const PAGE = /^\s*<(!doctyp|html|head|!--)/i;

/**
 * What came in a file's place: a page that a host answered with (a login, an error, the file's own page), or, in a
 * repository that was cloned without Git LFS, a note of some 130 bytes.
 *
 * @throws ModelError when `start`, the first bytes of a file or all of it, is such a thing
 */
export function refuseStandIn(start: Uint8Array): void {
  if (PAGE.test(new TextDecoder().decode(start.subarray(0, 64))))
    throw new ModelError(
      "invalid",
      "this is an HTML page, not the file itself: a host answered with a page (a login, an error, the file's own page), and it was saved under this name. Download the file itself.",
    );
  if (start[0] !== POINTER.charCodeAt(0)) return;
  const note = new TextDecoder().decode(start.subarray(0, 400));
  if (!note.startsWith(POINTER)) return;
  const [, size] = /^size (\d+)$/m.exec(note) ?? [];
  const real = size === undefined ? "" : `, which has ${Number(size).toLocaleString("en")} bytes`;
  throw new ModelError(
    "invalid",
    `this is a Git LFS pointer, not the file itself${real}. Run \`git lfs pull\` in the folder, or download the file from the model's page.`,
  );
}

/** So far it reads like a pointer, and is not at its end. */
export function maybePointer(start: Uint8Array): boolean {
  const note = new TextDecoder().decode(start.subarray(0, 400));
  if (note.length < POINTER.length) return POINTER.startsWith(note);
  return note.startsWith(POINTER) && start.length < 400 && !/\nsize \d+\n/.test(note);
}

export function missingFile(id: string, path: string, found: string): ModelError {
  return new ModelError(
    "missing-file",
    `Model "${id}" needs ${path}, but ${found}. Add the file to the model folder.`,
    {
      file: path,
    },
  );
}

/** "a, b, c and 4 more": enough of a list to recognise a folder by. */
export function listSome(names: readonly string[], limit = 6): string {
  if (names.length === 0) return "nothing";
  const rest = names.length - limit;
  return names.slice(0, limit).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

async function request(id: string, path: string, fetchFn: FetchFn, url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetchFn(url);
  } catch (error) {
    throw missingFile(id, path, `${url} could not be fetched (${messageOf(error)})`);
  }
  if (!response.ok) throw missingFile(id, path, `${url} answered ${response.status}`);
  if (isPageFallback(path, response)) throw missingFile(id, path, `${url} answered with an HTML page`);
  return response;
}

/** Single-page servers (vite's among them) answer index.html for a file that is not there. */
const isPageFallback = (path: string, response: Response): boolean =>
  !path.endsWith(".html") && (response.headers.get("content-type") ?? "").startsWith("text/html");

/** A response's body, whose end is checked against the length it announced. */
export function bodyOf(id: string, path: string, response: Response, onProgress?: ReadProgress): ByteStream {
  // content-length counts compressed bytes when the server compresses, so it may only be trusted without it.
  const compressed = response.headers.get("content-encoding") !== null;
  const total = compressed ? 0 : Number(response.headers.get("content-length") ?? 0);
  return { ...(total > 0 && { size: total }), chunks: chunksOf(id, path, response, total, onProgress) };
}

async function* chunksOf(
  id: string,
  path: string,
  response: Response,
  total: number,
  onProgress?: ReadProgress,
): AsyncGenerator<Uint8Array> {
  let loaded = 0;
  const reader = response.body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      loaded += next.value.length;
      onProgress?.(loaded, Math.max(total, loaded));
      yield next.value;
    }
  } catch (error) {
    if (error instanceof ModelError) throw error; // the consumer's own
    throw new ModelError(
      "truncated",
      `Model "${id}": the download of ${path} broke off (${messageOf(error)}). Try again.`,
      { file: path },
    );
  } finally {
    void reader?.cancel().catch(() => undefined); // whoever stops reading stops the download
  }
  if (total > loaded) {
    const message = `Model "${id}": ${path} has ${loaded} of ${total} bytes. Load it again.`;
    throw new ModelError("truncated", message, { file: path });
  }
}

/** Room behind a file's bytes, so that a patch can be appended without a second copy of the file. */
const PATCH_ROOM = 64 * 1024;
const roomy = new WeakSet<ArrayBufferLike>();

/** `size` bytes that `appended` can extend in place. */
export function allocate(size: number): Uint8Array {
  const buffer = new ArrayBuffer(size + PATCH_ROOM);
  roomy.add(buffer);
  return new Uint8Array(buffer, 0, size);
}

/** `bytes` followed by `tail`: in place where `allocate` made them, else a copy. */
export function appended(bytes: Uint8Array, tail: Uint8Array): Uint8Array {
  const end = bytes.byteOffset + bytes.length;
  if (!roomy.has(bytes.buffer) || end + tail.length > bytes.buffer.byteLength) {
    return concatBytes([bytes, tail]);
  }
  new Uint8Array(bytes.buffer, end, tail.length).set(tail);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length + tail.length);
}

/** All of a stream, with room behind it; held once where the size is known beforehand. */
export async function collect({ size, chunks }: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let whole = size === undefined ? undefined : allocate(size);
  let at = 0;
  for await (const chunk of chunks) {
    if (whole && at + chunk.length > whole.length) {
      parts.push(whole.subarray(0, at)); // longer than announced
      whole = undefined;
    }
    if (whole) whole.set(chunk, at);
    else parts.push(chunk.slice());
    at += chunk.length;
  }
  if (whole) return at === whole.length ? whole : whole.slice(0, at);
  const bytes = allocate(at);
  joinInto(bytes, parts);
  return bytes;
}

function joinInto(bytes: Uint8Array, parts: readonly Uint8Array[]): void {
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  joinInto(bytes, parts);
  return bytes;
}

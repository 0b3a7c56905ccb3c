// Where downloaded models stay: files by model and path, each whole or begun. The browser's store is the origin's
// private file system (opfs-store.ts); this one is memory, for tests and for browsers without it.

import { bodyOf, collect, concatBytes, missingFile, type ByteStream, type ModelFiles } from "../files/files";

/** "hub:owner/name@revision", of another host than the hub "hub://host/owner/name@revision": what a stored model is called, in run settings too. */
export type ModelKey = string;

export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  /** False while a download is not complete: it can go on from here. */
  readonly whole: boolean;
  /** When it was last written, in milliseconds since 1970, where the store knows. */
  readonly modified?: number;
}

export interface StoredModel {
  readonly key: ModelKey;
  readonly files: readonly StoredFile[];
}

export interface FileWriter {
  /** Bytes are kept even if nobody calls `close`. */
  write(chunk: Uint8Array): Promise<void>;
  /** `whole`: that was all of it. */
  close(whole: boolean): Promise<void>;
}

export interface ModelStore {
  list(): Promise<StoredModel[]>;
  file(key: ModelKey, path: string): Promise<StoredFile | undefined>;
  /** Goes on behind the bytes that are there, or from 0 in a new file. */
  append(key: ModelKey, path: string, from: number): Promise<FileWriter>;
  /** A whole file. */
  open(key: ModelKey, path: string): Promise<Blob | undefined>;
  delete(key: ModelKey, path?: string): Promise<void>;
}

export function memoryStore(): ModelStore {
  const models = new Map<ModelKey, Map<string, { parts: Uint8Array[]; whole: boolean }>>();
  const fact = (path: string, { parts, whole }: { parts: Uint8Array[]; whole: boolean }): StoredFile => ({
    path,
    whole,
    bytes: parts.reduce((sum, part) => sum + part.length, 0),
  });
  return {
    list: async () =>
      [...models].map(([key, files]) => ({ key, files: [...files].map(([path, file]) => fact(path, file)) })),
    async file(key, path) {
      const file = models.get(key)?.get(path);
      return file && fact(path, file);
    },
    async append(key, path, from) {
      const files = models.get(key) ?? new Map<string, { parts: Uint8Array[]; whole: boolean }>();
      models.set(key, files);
      const before = concatBytes([new Uint8Array(0), ...(files.get(path)?.parts ?? [])]);
      const file = { parts: [before.slice(0, from)], whole: false };
      files.set(path, file);
      return {
        async write(chunk) {
          file.parts.push(chunk.slice());
        },
        async close(whole) {
          file.whole = whole;
        },
      };
    },
    async open(key, path) {
      const file = models.get(key)?.get(path);
      return file?.whole ? new Blob(file.parts.map((part) => new Uint8Array(part))) : undefined;
    },
    async delete(key, path) {
      if (path === undefined) models.delete(key);
      else models.get(key)?.delete(path);
    },
  };
}

/** A stored model as a folder. It reads what is there and asks no host. */
export function storedFiles(store: ModelStore, key: ModelKey): ModelFiles {
  return blobFiles(key, (path) => store.open(key, path), "it is not downloaded, or not completely");
}

export interface DroppedFiles extends ModelFiles {
  /** By path in the model folder. */
  readonly paths: ReadonlyMap<string, Blob>;
}

/** What lies beside config.json and belongs to no ONNX file. */
const OTHER_FILES = /\.(json|safetensors|txt|jinja|model|md|py|gitattributes)$|^(LICENSE|NOTICE|README)\b/i;

/**
 * Files that were dropped or picked; they stay where they are and are read when they are needed. A folder around them
 * is taken off, and ONNX files that lie beside the others are taken for those of onnx/, with what may be their weights.
 */
export function droppedFiles(name: string, files: ReadonlyMap<string, Blob>): DroppedFiles {
  const top = folderOf([...files.keys()]);
  const inside = [...files].flatMap(([path, blob]): [string, Blob][] =>
    path.startsWith(top) ? [[path.slice(top.length), blob]] : [],
  );
  const flat = inside.some(([path]) => /^[^/]*\.onnx$/.test(path));
  const moves = (path: string): boolean => flat && !path.startsWith("onnx/") && !OTHER_FILES.test(path);
  const paths = new Map(inside.map(([path, blob]) => [moves(path) ? `onnx/${path}` : path, blob]));
  const found = `the folder has ${paths.size} other files`;
  return { ...blobFiles(name, async (path) => paths.get(path), found), paths };
}

/** "model/config.json" → "model/": a dropped folder comes with its own name in front. */
function folderOf(paths: readonly string[]): string {
  const config = paths.filter(
    (path) => path.endsWith("config.json") && !/(generation|tokenizer)_/.test(path),
  );
  const [shortest = ""] = config.toSorted((a, b) => a.length - b.length);
  return shortest.slice(0, shortest.length - "config.json".length);
}

function blobFiles(
  id: string,
  open: (path: string) => Promise<Blob | undefined>,
  otherwise: string,
): ModelFiles {
  const stream: NonNullable<ModelFiles["stream"]> = async (path, onProgress): Promise<ByteStream> => {
    const blob = await open(path);
    if (!blob) throw missingFile(id, path, otherwise);
    const headers = { "content-length": String(blob.size) };
    return bodyOf(id, path, new Response(blob.stream(), { headers }), onProgress);
  };
  return {
    id,
    stream,
    read: async (path, onProgress) => collect(await stream(path, onProgress)),
    async slices(path) {
      const blob = await open(path);
      if (!blob) throw missingFile(id, path, otherwise);
      const read = async (from: number, to: number): Promise<Uint8Array> =>
        new Uint8Array(await blob.slice(from, to).arrayBuffer());
      return { size: blob.size, read };
    },
    has: async (path) => (await open(path)) !== undefined,
  };
}

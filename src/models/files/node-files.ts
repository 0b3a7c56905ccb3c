// A model folder on disk. Node only: the CLI and the tests import this file by its path; src/models/index.ts does
// not, so the page never pulls node:fs in.

import { open, realpath, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

import { messageOf } from "../../base/errors";
import { ModelError } from "../errors";
import { allocate, missingFile, type ModelFiles, type ReadProgress } from "./files";

/**
 * A link in the folder may lead to another place in it, and, as the hub's cache has it, from snapshots/ to the same model's
 * blobs/; one that leads out is a ModelError by name, as a stranger's folder could hand out files of whoever reads it.
 */
export function folderFiles(id: string, dir: string): ModelFiles {
  const within = realpath(dir).then(
    (real) => /^(.*[/\\]models--[^/\\]+)[/\\]snapshots[/\\][^/\\]+$/.exec(real)?.[1] ?? real,
    () => dir, // it is not there: every file will say so
  );
  const placed = async (path: string) => {
    const [top, file] = [await within, await realpath(join(dir, path))];
    if (file.startsWith(top.endsWith(sep) ? top : top + sep)) return file;
    const where = dirname(file);
    throw new ModelError(
      "invalid",
      `${path} is a link that leads out of the model's folder, to ${where}. Put a copy of the file in its place`,
      { file: path },
    );
  };
  const found = async (path: string) => {
    try {
      const file = await placed(path);
      return { file, size: (await stat(file)).size };
    } catch (error) {
      throw error instanceof ModelError ? error : missingFile(id, path, messageOf(error));
    }
  };
  return {
    id,
    async read(path, onProgress) {
      const { file } = await found(path);
      try {
        return await readWhole(file, onProgress);
      } catch (error) {
        throw missingFile(id, path, messageOf(error));
      }
    },
    async stream(path, onProgress) {
      const { file, size } = await found(path);
      return { size, chunks: chunksOf(file, size, onProgress) };
    },
    async slices(path) {
      const { file, size } = await found(path);
      return { size, read: (from, to) => readPart(file, from, Math.min(to, size)) };
    },
    has: (path) =>
      placed(path).then(
        () => true,
        (error: unknown) => error instanceof ModelError, // it is there, and reading it says what is wrong
      ),
  };
}

/** One read at a time, straight to its place: a file is held once, with room for a patch behind it. */
async function readWhole(path: string, onProgress?: ReadProgress): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = allocate(size);
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_BYTES, size - at), at);
      if (bytesRead === 0) return bytes.slice(0, at); // it shrank while it was read
      at += bytesRead;
      onProgress?.(at, size);
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function readPart(path: string, from: number, to: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(Math.max(0, to - from));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Every chunk is the same buffer, filled again. */
async function* chunksOf(path: string, size: number, onProgress?: ReadProgress): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const buffer = new Uint8Array(Math.min(STREAM_BYTES, size));
  try {
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      onProgress?.(at, size);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const READ_BYTES = 64 * 2 ** 20;
const STREAM_BYTES = 2 ** 20;

// A model folder on disk. Node only: the CLI and the tests import this file by its path; src/models/index.ts does
// not, so the page never pulls node:fs in.

import { access, open, stat } from "node:fs/promises";
import { join } from "node:path";

import { messageOf } from "../../base/errors";
import { allocate, missingFile, type ModelFiles, type ReadProgress } from "./files";

export function folderFiles(id: string, dir: string): ModelFiles {
  return {
    id,
    async read(path, onProgress) {
      try {
        return await readWhole(join(dir, path), onProgress);
      } catch (error) {
        throw missingFile(id, path, messageOf(error));
      }
    },
    async stream(path, onProgress) {
      const file = join(dir, path);
      const { size } = await stat(file).catch((error: unknown) => {
        throw missingFile(id, path, messageOf(error));
      });
      return { size, chunks: chunksOf(file, size, onProgress) };
    },
    async slices(path) {
      const file = join(dir, path);
      const { size } = await stat(file).catch((error: unknown) => {
        throw missingFile(id, path, messageOf(error));
      });
      return { size, read: (from, to) => readPart(file, from, Math.min(to, size)) };
    },
    has: (path) =>
      access(join(dir, path)).then(
        () => true,
        () => false,
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

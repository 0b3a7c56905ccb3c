// A model folder on disk. Node only: the CLI and the tests import this file by its path; src/models/index.ts does
// not, so the page never pulls node:fs in.

import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

import { reason } from "./errors";
import { missingFile, type ModelFiles } from "./files";

export function folderFiles(id: string, dir: string): ModelFiles {
  return {
    id,
    async read(path, onProgress) {
      try {
        const bytes = await readFile(join(dir, path));
        onProgress?.(bytes.length, bytes.length);
        // A copy of its own: small Buffers share one pool, and readers cast `bytes.buffer`.
        return new Uint8Array(bytes);
      } catch (error) {
        throw missingFile(id, path, reason(error));
      }
    },
    has: (path) =>
      access(join(dir, path)).then(
        () => true,
        () => false,
      ),
  };
}

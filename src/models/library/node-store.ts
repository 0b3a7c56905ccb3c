// A directory as a store of models and of what was computed from them. Node only, imported by path, as node-files.ts.
// Names are percent-encoded; "~" ends the name of a file begun, as in the browser's private file system.

import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import type { ModelStore } from "./model-store";

const BEGUN = "~";

export function folderStore(root: string): ModelStore {
  const folder = (key: string): string => join(root, encode(key));
  const file = (key: string, path: string): string => join(folder(key), encode(path));
  const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(absent))?.size;
  return {
    async list() {
      const models = (await readdir(root, { withFileTypes: true }).catch(absent)) ?? [];
      const folders = models.filter((entry) => entry.isDirectory());
      return Promise.all(
        folders.map(async ({ name }) => ({
          key: decodeURIComponent(name),
          files: await listFolder(join(root, name)),
        })),
      );
    },
    async file(key, path) {
      const whole = await sizeOf(file(key, path));
      if (whole !== undefined) return { path, bytes: whole, whole: true };
      const begun = await sizeOf(file(key, path) + BEGUN);
      return begun === undefined ? undefined : { path, bytes: begun, whole: false };
    },
    async append(key, path, from) {
      await mkdir(folder(key), { recursive: true });
      const [target, begun] = [file(key, path), file(key, path) + BEGUN];
      const handle = await open(begun, from > 0 ? "r+" : "w");
      await handle.truncate(from);
      let at = from;
      return {
        async write(chunk) {
          for (let used = 0; used < chunk.length;)
            used += (await handle.write(chunk, used, chunk.length - used, at + used)).bytesWritten;
          at += chunk.length;
        },
        async close(whole) {
          await handle.close();
          if (whole) await rename(begun, target);
        },
      };
    },
    async open(key, path) {
      const bytes = await readFile(file(key, path)).catch(absent);
      return bytes && new Blob([new Uint8Array(bytes)]);
    },
    async delete(key, path) {
      if (path === undefined) return rm(folder(key), { recursive: true, force: true });
      await rm(file(key, path), { force: true });
      await rm(file(key, path) + BEGUN, { force: true });
    },
  };
}

async function listFolder(dir: string) {
  const names = (await readdir(dir).catch(absent)) ?? [];
  const files = names.map(async (name) => {
    const whole = !name.endsWith(BEGUN);
    const path = decodeURIComponent(whole ? name : name.slice(0, -BEGUN.length));
    const found = await stat(join(dir, name)).catch(absent); // another process may have deleted it
    return found?.isFile() ? [{ path, bytes: found.size, whole }] : [];
  });
  return (await Promise.all(files)).flat();
}

const encode = (name: string): string => encodeURIComponent(name).replaceAll("~", "%7E");

/** Not there is an answer, everything else an error. */
function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

// A private file system in memory, whose writes can be made to fail.
import { KeepError, type KeptFolders } from "../../src/store";

export interface MemoryFiles extends KeptFolders {
  readonly content: Map<string, Uint8Array>;
  /** Bytes that fit; a write beyond them is refused. */
  room: number;
  /** Writes from now on until the disk dies: the next ones never come to an end, as when the tab is closed. */
  writesLeft: number;
}

export function memoryKept(): MemoryFiles {
  const content = new Map<string, Uint8Array>();
  const total = () => [...content.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  const files: MemoryFiles = {
    content,
    room: Infinity,
    writesLeft: Infinity,
    read: async (path) => content.get(path)?.slice(),
    async write(path, data) {
      if (files.writesLeft-- <= 0) return new Promise<never>(() => undefined);
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
      if (total() - (content.get(path)?.length ?? 0) + bytes.length > files.room)
        throw new KeepError("full", "storage is full");
      content.set(path, bytes);
    },
    async remove(path) {
      for (const name of content.keys())
        if (name === path || name.startsWith(`${path}/`)) content.delete(name);
    },
    async list(path) {
      const entries = new Map<string, { name: string; folder: boolean; bytes: number }>();
      for (const [name, bytes] of content) {
        if (!name.startsWith(`${path}/`)) continue;
        const [first = "", ...rest] = name.slice(path.length + 1).split("/");
        const folder = rest.length > 0;
        entries.set(first, { name: first, folder, bytes: folder ? 0 : bytes.length });
      }
      return [...entries.values()];
    },
  };
  return files;
}

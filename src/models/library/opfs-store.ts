// The origin's private file system as a store of models, and of what teachers computed. In a worker only: there a file can be written in place, which
// is what lets a download go on after the tab was closed. Names are percent-encoded; "~" ends the name of a file begun.

import { ModelError } from "../errors";
import type { FileWriter, ModelStore, StoredFile } from "./model-store";

/** What the worker's library types have and the page's lack. */
interface WorkerFile extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<{
    write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
    truncate(size: number): void;
    flush(): void;
    close(): void;
  }>;
  move?(name: string): Promise<void>;
}

/** Folders at the top of the file system. */
const MODELS = "couplet-models";
export const TEACHER_STATES = "couplet-teacher-states";
const BEGUN = "~";

/** `top` is the folder of all of them: models, unless another shelf is meant. */
export function opfsStore(top = MODELS, storage: StorageManager = navigator.storage): ModelStore {
  const root = async (): Promise<FileSystemDirectoryHandle> => {
    const origin = await storage.getDirectory().catch((cause: unknown) => {
      throw new ModelError(
        "unsupported",
        "The browser keeps no files for this page: a private window, or storage is denied. Allow it in the site's settings, or use the bundled models.",
        { cause },
      );
    });
    return origin.getDirectoryHandle(top, { create: true });
  };
  const folder = async (key: string, create = false): Promise<FileSystemDirectoryHandle | undefined> =>
    (await root()).getDirectoryHandle(encode(key), { create }).catch(absent);

  async function handle(key: string, name: string): Promise<FileSystemFileHandle | undefined> {
    return (await folder(key))?.getFileHandle(name).catch(absent);
  }

  return {
    async list() {
      const models = [];
      for await (const [name, entry] of (await root()).entries()) {
        if (entry instanceof FileSystemDirectoryHandle)
          models.push({ key: decodeURIComponent(name), files: await listFolder(entry) });
      }
      return models;
    },
    async file(key, path) {
      const whole = await handle(key, encode(path));
      const begun = whole ?? (await handle(key, encode(path) + BEGUN));
      return begun && { path, bytes: (await begun.getFile()).size, whole: whole !== undefined };
    },
    append: (key, path, from) =>
      withRoom(async () => {
        const dir = await folder(key, true);
        if (!dir) throw new Error(`The browser's file system refused a folder for ${key}.`);
        const file = await dir.getFileHandle(encode(path) + BEGUN, { create: true });
        return writer(dir, file, encode(path), from);
      }),
    open: async (key, path) => (await handle(key, encode(path)))?.getFile(),
    async delete(key, path) {
      const gone = (dir: FileSystemDirectoryHandle | undefined, name: string): Promise<void> =>
        dir
          ?.removeEntry(name, { recursive: true })
          .catch(absent)
          .then(() => undefined) ?? Promise.resolve();
      if (path === undefined) return gone(await root(), encode(key));
      const dir = await folder(key);
      await gone(dir, encode(path));
      await gone(dir, encode(path) + BEGUN);
    },
  };
}

async function writer(
  dir: FileSystemDirectoryHandle,
  file: FileSystemFileHandle,
  name: string,
  from: number,
): Promise<FileWriter> {
  const access = await (file as WorkerFile).createSyncAccessHandle(); // this runs in a worker
  access.truncate(from);
  let at = from;
  return {
    write: (chunk) =>
      withRoom(async () => {
        const written = access.write(new Uint8Array(chunk), { at });
        at += written;
        if (written < chunk.length) throw full(); // some browsers write what fits and say nothing
      }),
    close: (whole) =>
      withRoom(async () => {
        access.flush();
        access.close();
        if (!whole) return;
        await dir.removeEntry(name).catch(absent);
        await rename(dir, file, name);
      }),
  };
}

/** Chromium and Firefox move within the private file system; where that is missing the bytes are copied. */
async function rename(
  dir: FileSystemDirectoryHandle,
  file: FileSystemFileHandle,
  name: string,
): Promise<void> {
  const movable = file as WorkerFile; // as above
  if (movable.move) return movable.move(name);
  const created = (await dir.getFileHandle(name, { create: true })) as WorkerFile; // as above
  const target = await created.createSyncAccessHandle();
  let at = 0;
  const reader = (await file.getFile()).stream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read())
    at += target.write(new Uint8Array(next.value), { at });
  target.flush();
  target.close();
  await dir.removeEntry(file.name);
}

async function listFolder(dir: FileSystemDirectoryHandle): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for await (const [name, entry] of dir.entries()) {
    if (!(entry instanceof FileSystemFileHandle)) continue;
    const whole = !name.endsWith(BEGUN);
    const path = decodeURIComponent(whole ? name : name.slice(0, -BEGUN.length));
    const { size, lastModified } = await entry.getFile();
    files.push({ path, bytes: size, whole, modified: lastModified });
  }
  return files;
}

const encode = (name: string): string => encodeURIComponent(name).replaceAll("~", "%7E");

/** Any step of a write may be the one that the room is missing for. */
async function withRoom<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException && error.name === "QuotaExceededError") throw full(error);
    throw error;
  }
}

const full = (cause?: unknown): ModelError =>
  new ModelError(
    "unsupported",
    "The browser's storage for this page is full. What came is kept: delete a model that you no longer need, then go on.",
    { cause },
  );

/** Not there is an answer, everything else an error. */
function absent(error: unknown): undefined {
  if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
  throw error;
}

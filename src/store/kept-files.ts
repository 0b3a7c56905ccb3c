// Files that outlive a visit, in the browser's private file system. Storage may be denied or full: every call
// then rejects with words for the page.

/** Why nothing is kept: each has its own remedy on the page. */
export type KeepReason = "denied" | "full" | "other";

export class KeepError extends Error {
  override readonly name = "KeepError";
  constructor(
    readonly reason: KeepReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

interface KeptEntry {
  readonly name: string;
  readonly folder: boolean;
  /** Of a file; 0 of a folder. */
  readonly bytes: number;
}

/** Paths are names with "/" between them. */
export interface KeptFiles {
  read(path: string): Promise<Uint8Array | undefined>;
  /** The whole file or none of it: an old one stays until the new one is there. */
  write(path: string, content: Uint8Array | string): Promise<void>;
  /** A file, or a folder with all that is in it. */
  remove(path: string): Promise<void>;
}

export interface KeptFolders extends KeptFiles {
  /** What is in a folder; nothing where there is none. */
  list(path: string): Promise<readonly KeptEntry[]>;
}

export function browserFiles(): KeptFolders {
  const root = async () => {
    try {
      return await navigator.storage.getDirectory();
    } catch (cause) {
      throw new KeepError("denied", "The browser keeps no files for this page.", { cause });
    }
  };
  const folder = async (names: readonly string[], create: boolean) => {
    let at = await root();
    for (const name of names) at = await at.getDirectoryHandle(name, { create });
    return at;
  };
  const split = (path: string) => {
    const names = path.split("/");
    return { names: names.slice(0, -1), last: names.at(-1) ?? "" };
  };
  return {
    async read(path) {
      const { names, last } = split(path);
      const handle = await folder(names, false)
        .then((at) => at.getFileHandle(last))
        .catch(absent);
      return handle && readWhole(handle);
    },
    async write(path, content) {
      const { names, last } = split(path);
      await root(); // that storage is denied is another matter than that it is full
      try {
        const handle = await (await folder(names, true)).getFileHandle(last, { create: true });
        const writable = await handle.createWritable();
        await writable.write(typeof content === "string" ? content : (content as Uint8Array<ArrayBuffer>)); // never shared
        await writable.close();
      } catch (cause) {
        const full = cause instanceof DOMException && cause.name === "QuotaExceededError";
        if (full) throw new KeepError("full", "The browser's storage for this page is full.", { cause });
        throw new KeepError("other", `The file could not be written: ${String(cause)}.`, { cause });
      }
    },
    async remove(path) {
      const { names, last } = split(path);
      try {
        await (await folder(names, false)).removeEntry(last, { recursive: true });
      } catch (error) {
        absent(error);
      }
    },
    async list(path) {
      try {
        const entries: KeptEntry[] = [];
        for await (const [name, handle] of (await folder(path.split("/"), false)).entries()) {
          const isFile = handle instanceof FileSystemFileHandle;
          entries.push({ name, folder: !isFile, bytes: isFile ? (await handle.getFile()).size : 0 });
        }
        return entries;
      } catch (error) {
        return absent(error) ?? [];
      }
    },
  };
}

/**
 * Its content at one moment. A file that is written anew while it is read gives an error that says it is gone or cannot be
 * read: it is there, and is read again.
 */
async function readWhole(handle: FileSystemFileHandle): Promise<Uint8Array | undefined> {
  const read = async () => new Uint8Array(await (await handle.getFile()).arrayBuffer());
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "NotReadableError")) return absent(error);
    return read();
  }
}

/** Not there is an answer, everything else an error. */
function absent(error: unknown): undefined {
  if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
  throw error;
}

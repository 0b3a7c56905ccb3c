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

export interface KeptFiles {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, content: Uint8Array | string): Promise<void>;
  remove(name: string): Promise<void>;
}

export function browserFiles(): KeptFiles {
  const root = async () => {
    try {
      return await navigator.storage.getDirectory();
    } catch (cause) {
      throw new KeepError("denied", "The browser keeps no files for this page.", { cause });
    }
  };
  return {
    async read(name) {
      try {
        const handle = await (await root()).getFileHandle(name);
        return new Uint8Array(await (await handle.getFile()).arrayBuffer());
      } catch (error) {
        if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
        throw error;
      }
    },
    async write(name, content) {
      const handle = await (await root()).getFileHandle(name, { create: true });
      try {
        const writable = await handle.createWritable();
        await writable.write(typeof content === "string" ? content : content.slice());
        await writable.close();
      } catch (cause) {
        const full = cause instanceof DOMException && cause.name === "QuotaExceededError";
        if (full) throw new KeepError("full", "The browser's storage for this page is full.", { cause });
        throw new KeepError("other", `The file could not be written: ${String(cause)}.`, { cause });
      }
    },
    async remove(name) {
      await (await root()).removeEntry(name).catch((error: unknown) => {
        if (!(error instanceof DOMException && error.name === "NotFoundError")) throw error;
      });
    },
  };
}

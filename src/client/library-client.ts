// The page's door to the library of models: commands in, events out. The worker starts with the first command.
import type { LibraryCommand, LibraryEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

export interface LibraryClient {
  send(command: LibraryCommand): void;
  subscribe(listener: (event: LibraryEvent) => void): () => void;
  close(): void;
}

export function createLibraryClient(spawn: () => WorkerLike): LibraryClient {
  const listeners = new Set<(event: LibraryEvent) => void>();
  let worker: WorkerLike | undefined;
  const start = (): WorkerLike => {
    const fresh = spawn();
    fresh.onmessage = ({ data }) => {
      for (const listener of listeners) listener(data as LibraryEvent); // the worker is ours: the protocol binds both
    };
    return fresh;
  };
  return {
    send: (command) => (worker ??= start()).postMessage(command),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      worker?.terminate();
      worker = undefined;
    },
  };
}

/** Whether it promised to; undefined where it does not say. */
export const modelsKept = (): Promise<boolean | undefined> =>
  Promise.resolve(globalThis.navigator?.storage?.persisted?.()).catch(() => undefined);

/**
 * Asks the browser to keep the models when room gets scarce; it may ask the reader, or say no. Only a page can ask,
 * a worker cannot.
 */
export const keepModels = (): Promise<boolean> => navigator.storage.persist();

// The page's door to the library of models: commands in, events out. The worker starts with the first command.
import type { LibraryCommand, LibraryEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";
import { createLazyDoor, type LazyDoor } from "./lazy-door";

export type LibraryClient = Omit<LazyDoor<LibraryCommand, LibraryEvent>, "start">;

export const createLibraryClient = (spawn: () => WorkerLike): LibraryClient =>
  createLazyDoor(spawn, (why) => ({
    type: "failed",
    command: "download", // what was on its way has stopped
    failure: { code: "worker-crash", what: "The library stopped.", why, remedy: "Try again." },
  }));

/** Whether it promised to; undefined where it does not say. */
export const modelsKept = (): Promise<boolean | undefined> =>
  Promise.resolve(globalThis.navigator?.storage?.persisted?.()).catch(() => undefined);

/**
 * Asks the browser to keep the models when room gets scarce; it may ask the reader, or say no. Only a page can ask,
 * a worker cannot.
 */
export const keepModels = (): Promise<boolean> => navigator.storage.persist();

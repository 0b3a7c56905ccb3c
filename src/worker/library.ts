// The library of models on this device, behind its protocol. It knows no worker: tests run it in Node over a store in
// memory and a host on localhost.
import {
  download,
  droppedFiles,
  inspectLocal,
  inspectRemote,
  keyOf,
  type ModelStore,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
  STATE_LIMITS,
  type StateSets,
  storedFiles,
} from "../models";
import { toFailure } from "./failures";
import type { LibraryCommand, LibraryEvent } from "./library-protocol";

export interface LibrarySurroundings {
  readonly store: ModelStore;
  /** What teachers computed. */
  readonly states: StateSets;
  /** The browser's estimate, where it gives one. */
  estimate(): Promise<{ usage?: number; quota?: number }>;
  readonly request?: RequestOptions;
}

export interface Library {
  handle(command: LibraryCommand): Promise<void>;
}

export function createLibrary(post: (event: LibraryEvent) => void, around: LibrarySurroundings): Library {
  const { store, states, request = {} } = around;
  let running: AbortController | undefined;

  async function list(): Promise<void> {
    const { usage, quota } = await around.estimate();
    post({
      type: "stored",
      models: await store.list(),
      ...(usage !== undefined && { usedBytes: usage }),
      ...(usage !== undefined && quota !== undefined && { freeBytes: quota - usage }),
    });
  }

  const listStates = async (): Promise<void> =>
    post({ type: "states", sets: await states.list(), maxBytes: STATE_LIMITS.maxBytes });

  async function fetchModel(source: RemoteSource, files: readonly RemoteFile[]): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const key = keyOf(source);
    const options = { ...request, signal: mine.signal };
    try {
      await download(source, files, store, (progress) => post({ type: "progress", key, progress }), options);
      post({ type: "downloaded", key });
    } catch (error) {
      if (!mine.signal.aborted) throw error;
      post({ type: "stopped", key });
    } finally {
      if (running === mine) running = undefined;
    }
    await list();
  }

  async function copyIn(name: string, dropped: ReadonlyMap<string, Blob>): Promise<void> {
    const key = `local:${name}`;
    const { paths } = droppedFiles(key, dropped);
    const total = [...paths.values()].reduce((sum, { size }) => sum + size, 0);
    let loaded = 0;
    await store.delete(key); // another model may have had the name
    for (const [path, blob] of paths) {
      const writer = await store.append(key, path, 0);
      const reader = blob.stream().getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        await writer.write(next.value);
        loaded += next.value.length;
        post({ type: "progress", key, progress: { path, loaded, total } });
      }
      await writer.close(true);
    }
    post({ type: "downloaded", key });
    await list();
  }

  async function inspect(key: string): Promise<void> {
    const model = (await store.list()).find((stored) => stored.key === key);
    const whole = (model?.files ?? []).filter((file) => file.whole);
    post({ type: "looked-up", inspection: await inspectLocal(storedFiles(store, key), whole) });
  }

  async function run(command: LibraryCommand): Promise<void> {
    switch (command.type) {
      case "look-up":
        return post({ type: "looked-up", inspection: await inspectRemote(command.source, store, request) });
      case "download":
        return fetchModel(command.source, command.files);
      case "stop":
        return running?.abort();
      case "import":
        return copyIn(command.name, command.files);
      case "inspect":
        return inspect(command.key);
      case "list":
        return list();
      case "delete":
        await store.delete(command.key);
        return list();
      case "delete-states":
        await states.delete(command.key);
        return listStates();
      case "list-states":
        return listStates();
    }
    command satisfies never;
  }

  return {
    handle: (command) =>
      run(command).catch((error: unknown) =>
        post({ type: "failed", command: command.type, failure: toFailure(error) }),
      ),
  };
}

// The page's door to the data worker: commands in, events out. The worker starts with the first command.
import type { DataCommand, DataEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

export interface DataClient {
  send(command: DataCommand): void;
  subscribe(listener: (event: DataEvent) => void): () => void;
}

export function createDataClient(spawn: () => WorkerLike): DataClient {
  const listeners = new Set<(event: DataEvent) => void>();
  let worker: WorkerLike | undefined;
  const emit = (event: DataEvent) => {
    for (const listener of listeners) listener(event);
  };
  const start = (): WorkerLike => {
    const fresh = spawn();
    fresh.onmessage = ({ data }) => emit(data as DataEvent); // the worker is ours: the protocol binds both
    fresh.onerror = (error) => {
      fresh.terminate();
      worker = undefined; // the next command starts a fresh one
      const why = error.message || "the data worker stopped";
      const failure = { code: "worker-crash", what: "The file was not read.", why, remedy: "Try again." };
      emit({ type: "failed", command: "read", failure });
    };
    return fresh;
  };
  return {
    send: (command) => (worker ??= start()).postMessage(command),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

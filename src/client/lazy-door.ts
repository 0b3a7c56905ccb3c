// What the doors to the lab, the library and the data worker share: the worker starts with the first command, and one
// that stops by itself is told of and started again by the next.
import type { WorkerLike } from "./engine-client";

export interface LazyDoor<Command, Event> {
  /** Without a command, where there is no worker yet. */
  start(): void;
  send(command: Command): void;
  subscribe(listener: (event: Event) => void): () => void;
  close(): void;
}

/**
 * @param crashed what is said of a worker that stopped by itself
 * @param greeting what a fresh worker is sent before anything else
 */
export function createLazyDoor<Command, Event>(
  spawn: () => WorkerLike,
  crashed: (why: string) => Event,
  greeting: () => readonly Command[] = () => [],
): LazyDoor<Command, Event> {
  const listeners = new Set<(event: Event) => void>();
  const emit = (event: Event) => {
    for (const listener of listeners) listener(event);
  };
  let worker: WorkerLike | undefined;
  const start = (): WorkerLike => {
    const fresh = spawn();
    fresh.onmessage = ({ data }) => emit(data as Event); // the worker is ours: protocol.ts binds both sides
    fresh.onerror = (error) => {
      fresh.terminate();
      worker = undefined;
      emit(crashed(error.message || "the worker could not start"));
    };
    for (const command of greeting()) fresh.postMessage(command);
    return fresh;
  };
  return {
    start: () => void (worker ??= start()),
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

// The page's only way to the engine: commands in, events out, one worker behind it.
import type { Command, Event } from "../worker/protocol";

/** What a client hears: the worker's events, and the worker's own death. */
export type EngineEvent = Event | { type: "crash"; detail: string };

/** As much of a Worker as the clients use, so that tests can stand in for one. */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
}

export interface EngineClient {
  send(command: Command): void;
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** Drop the worker with everything it holds and start a fresh one. */
  restart(): void;
  /** Drop the worker with everything it holds; the next command starts another. */
  close(): void;
}

/** @param options lazy: the worker starts with the first command, not at once */
export function createEngineClient(spawn: () => WorkerLike, { lazy = false } = {}): EngineClient {
  const listeners = new Set<(event: EngineEvent) => void>();
  const emit = (event: EngineEvent) => {
    for (const listener of listeners) listener(event);
  };
  const start = (): WorkerLike => {
    const worker = spawn();
    worker.onmessage = (message) => emit(message.data as Event); // the worker is ours: protocol.ts binds both sides
    worker.onerror = (error) =>
      emit({ type: "crash", detail: error.message || "the worker could not start" });
    worker.onmessageerror = () => emit({ type: "crash", detail: "a message from the worker was unreadable" });
    return worker;
  };
  let worker: WorkerLike | undefined;
  const stop = () => {
    if (!worker) return;
    worker.onmessage = worker.onerror = worker.onmessageerror = null;
    worker.terminate();
    worker = undefined;
  };

  if (!lazy) worker = start();
  return {
    send: (command) => (worker ??= start()).postMessage(command),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    restart() {
      stop();
      worker = start();
    },
    close: stop,
  };
}

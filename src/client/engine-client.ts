// The page's only way to the engine: commands in, events out, one worker behind it.
import type { Alive, Command, Event } from "../worker/protocol";
import { watchWorker, type WorkerWatch } from "./worker-watch";

/** What a client hears: the worker's events, its death, and that it has not answered for some seconds (0: it does again). */
export type EngineEvent = Event | { type: "crash"; detail: string } | { type: "silence"; seconds: number };

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
  let worker: WorkerLike | undefined;
  let watch: WorkerWatch | undefined;

  const crash = (detail: string) => {
    watch?.stop();
    watch = undefined;
    emit({ type: "crash", detail });
  };
  const start = (): WorkerLike => {
    const fresh = spawn();
    fresh.onmessage = ({ data }) => {
      const message = data as Event | Alive; // the worker is ours: protocol.ts binds both sides
      watch?.heard();
      if (message.type !== "alive") return emit(message);
      watch ??= watchWorker(message.lock, {
        died: () => worker === fresh && crash("The engine's worker ended without a word."),
        silent: (seconds) => emit({ type: "silence", seconds }),
      });
    };
    fresh.onerror = (error) => crash(error.message || "the worker could not start");
    fresh.onmessageerror = () => crash("a message from the worker was unreadable");
    return fresh;
  };
  const stop = () => {
    watch?.stop();
    watch = undefined;
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

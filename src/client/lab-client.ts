// The page's door to the lab worker: reads texts with both models, on the CPU. It starts with the first question.
import type { LabCommand, LabEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

export interface LabClient {
  /** Starts the worker, which answers with the held-out rows. */
  open(baseUrl: string): void;
  read(question: Omit<Extract<LabCommand, { type: "read" }>, "type">): void;
  subscribe(listener: (event: LabEvent) => void): () => void;
  close(): void;
}

export function createLabClient(spawn: () => WorkerLike): LabClient {
  const listeners = new Set<(event: LabEvent) => void>();
  const emit = (event: LabEvent) => {
    for (const listener of listeners) listener(event);
  };
  let worker: WorkerLike | undefined;
  let home = "";

  const start = (): WorkerLike => {
    const started = spawn();
    started.onmessage = (message) => emit(message.data as LabEvent); // our own worker: protocol.ts binds both sides
    started.onerror = (error) => {
      started.terminate();
      worker = undefined; // the next question starts a fresh one
      emit({ type: "failed", id: 0, detail: error.message || "the lab worker could not start" });
    };
    started.postMessage({ type: "open", baseUrl: home } satisfies LabCommand);
    return started;
  };
  return {
    open(baseUrl) {
      home = baseUrl;
      worker ??= start();
    },
    read(question) {
      worker ??= start();
      worker.postMessage({ type: "read", ...question } satisfies LabCommand);
    },
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

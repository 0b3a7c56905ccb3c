// The page's door to the lab worker: reads texts with both models, on the CPU. It starts with the first question.
import type { LabCommand, LabEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";
import { createLazyDoor } from "./lazy-door";

export interface LabClient {
  /** Starts the worker, which answers with the held-out rows. */
  open(baseUrl: string): void;
  read(question: Omit<Extract<LabCommand, { type: "read" }>, "type">): void;
  subscribe(listener: (event: LabEvent) => void): () => void;
  close(): void;
}

export function createLabClient(spawn: () => WorkerLike): LabClient {
  let baseUrl = "";
  const open = (): LabCommand => ({ type: "open", baseUrl });
  const door = createLazyDoor<LabCommand, LabEvent>(
    spawn,
    (detail) => ({ type: "failed", id: 0, detail }),
    () => [open()],
  );
  return {
    open(url) {
      baseUrl = url;
      door.start();
    },
    read: (question) => door.send({ type: "read", ...question }),
    subscribe: door.subscribe,
    close: door.close,
  };
}

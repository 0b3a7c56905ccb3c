// One client for each worker, but for the solver's (solver-client.ts): the language it speaks, and what a crash means.
import type {
  Command,
  DataCommand,
  DataEvent,
  Event,
  ReaderCommand,
  ReaderEvent,
  LibraryCommand,
  LibraryEvent,
} from "../worker/protocol";
import { createWorkerClient, type WorkerClient, type WorkerLike } from "./worker-client";

type Spawn = () => WorkerLike;

/** What the engine's client hears: the worker's events, its death, and for how long it has not answered (0: it does again). */
export type EngineEvent = Event | { type: "crash"; detail: string } | { type: "silence"; seconds: number };
export type EngineClient = Omit<WorkerClient<Command, EngineEvent>, "start">;

/** @param options lazy: the worker starts with the first command, not at once */
export function createEngineClient(spawn: Spawn, { lazy = false } = {}): EngineClient {
  const client = createWorkerClient<Command, EngineEvent>({
    spawn,
    crashed: (detail) => ({ type: "crash", detail }),
    silent: (seconds) => ({ type: "silence", seconds }),
    afterCrash: "restart",
  });
  if (!lazy) client.start();
  return client;
}

export type DataClient = Pick<WorkerClient<DataCommand, DataEvent>, "send" | "subscribe">;

export const createDataClient = (spawn: Spawn): DataClient =>
  createWorkerClient<DataCommand, DataEvent>({
    spawn,
    crashed: (why) => ({
      type: "failed",
      command: "read",
      failure: { code: "worker-crash", what: "The file was not read.", why, remedy: "Try again." },
    }),
    afterCrash: "next-command",
  });

export type LibraryClient = Pick<WorkerClient<LibraryCommand, LibraryEvent>, "send" | "subscribe" | "close">;

export const createLibraryClient = (spawn: Spawn): LibraryClient =>
  createWorkerClient<LibraryCommand, LibraryEvent>({
    spawn,
    crashed: (why) => ({
      type: "failed",
      command: "download", // what was on its way has stopped
      failure: { code: "worker-crash", what: "The library stopped.", why, remedy: "Try again." },
    }),
    afterCrash: "next-command",
  });

/** Reads texts with both models, on the CPU. */
export interface ReaderClient {
  /** Starts the worker, which answers with the held-out rows. */
  open(baseUrl: string): void;
  read(question: Omit<Extract<ReaderCommand, { type: "read" }>, "type">): void;
  subscribe(listener: (event: ReaderEvent) => void): () => void;
  close(): void;
}

export function createReaderClient(spawn: Spawn): ReaderClient {
  let baseUrl = "";
  const client = createWorkerClient<ReaderCommand, ReaderEvent>({
    spawn,
    crashed: (detail) => ({ type: "failed", id: 0, detail }),
    greeting: () => [{ type: "open", baseUrl }],
    afterCrash: "next-command",
  });
  return {
    open(url) {
      baseUrl = url;
      client.start();
    },
    read: (question) => client.send({ type: "read", ...question }),
    subscribe: (listener) => client.subscribe(listener),
    close: () => client.close(),
  };
}

// The page's door to the data worker: commands in, events out. The worker starts with the first command.
import type { DataCommand, DataEvent } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";
import { createLazyDoor, type LazyDoor } from "./lazy-door";

export type DataClient = Pick<LazyDoor<DataCommand, DataEvent>, "send" | "subscribe">;

export const createDataClient = (spawn: () => WorkerLike): DataClient =>
  createLazyDoor(spawn, (why) => ({
    type: "failed",
    command: "read",
    failure: { code: "worker-crash", what: "The file was not read.", why, remedy: "Try again." },
  }));

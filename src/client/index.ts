export * from "./clients";
export * from "./solver-client";
export * from "./storage";
export type { WorkerLike } from "./worker-client";
export type * from "../worker/protocol";

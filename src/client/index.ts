export * from "./engine-client";
export * from "./transport-client";
export type { AdapterFacts, Command, Failure, NoGpuReason, RunStatus, SolveReply } from "../worker/protocol";

export * from "./engine-client";
export * from "./lab-client";
export * from "./transport-client";
export type {
  AdapterFacts,
  Command,
  Failure,
  LabEvent,
  LabRow,
  LabSolution,
  LabStates,
  LabText,
  NoGpuReason,
  RunStatus,
  SolveReply,
  TokenLine,
} from "../worker/protocol";

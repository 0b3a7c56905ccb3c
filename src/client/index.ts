export * from "./engine-client";
export * from "./lab-client";
export * from "./library-client";
export * from "./transport-client";
export type {
  AdapterFacts,
  Choice,
  Command,
  DownloadProgress,
  Failure,
  Inspection,
  LabEvent,
  LabRow,
  LabSolution,
  LabSolve,
  LabStates,
  LabText,
  LibraryCommand,
  LibraryEvent,
  NoGpuReason,
  RemoteFile,
  RemoteSource,
  RunStatus,
  SolvedBy,
  SolveReply,
  StoredModel,
  TokenLine,
} from "../worker/protocol";

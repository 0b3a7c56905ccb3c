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
  LabStates,
  LabText,
  LibraryCommand,
  LibraryEvent,
  NoGpuReason,
  RemoteFile,
  RemoteSource,
  RunStatus,
  SolveReply,
  StoredModel,
  TokenLine,
} from "../worker/protocol";

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
  FileFact,
  Inspection,
  LabEvent,
  LabRow,
  LabSolution,
  LabSolve,
  LabStates,
  LabText,
  LibraryCommand,
  LibraryEvent,
  LibraryModel,
  Misfits,
  NoGpuReason,
  RemoteFile,
  RemoteSource,
  Role,
  RunStatus,
  SolvedBy,
  SolveReply,
  StoredFile,
  StoredStates,
  TokenLine,
} from "../worker/protocol";

export * from "./actions";
export * from "./adapter-notes";
export * from "./app";
export * from "./aside";
export * from "./compare";
export type { ComparedRun } from "./compared-run";
export * from "./compare-budget";
export * from "./compare-results";
export * from "./data-desk";
export * from "./draft";
export * from "./history";
export * from "./keeping";
export * from "./kept-files";
export * from "./kept-limits";
export * from "./kept-runs";
export * from "./lab";
export * from "./learning";
export * from "./library";
export * from "./plan-facts";
export * from "./recorded";
export * from "./recovery";
export * from "./run-files";
export * from "./run-link";
export * from "./run-locks";
export * from "./run-record";
export * from "./selectors";
export * from "./state";
export * from "./undo";
export * from "./word-diff";
export type {
  AdapterFacts,
  Choice,
  DataFormat,
  DataKind,
  DataPreview,
  Failure,
  FileFact,
  KeptRows,
  LabSolution,
  SolvedBy,
  LibraryModel,
  Mapping,
  NoGpuReason,
  Role,
  RunStatus,
} from "../client";

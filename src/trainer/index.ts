// The trainer: from a config to steps, plans, answers and a trained student.
export { benchmark } from "./benchmark";
export { checkpointFacts, checkWhole, sameRun } from "./checkpoint";
export { coverageLine, createSilenceLog } from "./coverage";
export { asRunError, deviceLost, RunError } from "./failure";
export type { RunSources } from "./loaded";

export { type HostRoom, mib, PROGRAM_BYTES } from "./plan";
export { createPlanner, planSources } from "./plan-sources";
export { openRun, type Run, type TeacherStateCounts } from "./run";
export { needsTeacher, openSides, type Sides, teacherWrites } from "./sides";
export { dimsOf } from "./batch-source";
export { runParameters } from "./parameters";
export { decoderLength } from "./answers";
export { type ExportCheck, verifyExport } from "./verify-export";
export { asConfigured, readerOf, type ReadRows, readRows } from "./reading";
export { labelledRows, writerOf, writingText } from "./teacher-rows";

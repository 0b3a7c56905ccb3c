// Entropic optimal transport on the GPU: ragged batches, log-domain Sinkhorn, three gradients.
export { recordCost, recordCostBackward, type SavedCost } from "./cost";
export { recordAttentionMarginals, recordPlanGauge } from "./gauge";
export { recordPlanGradient } from "./gradient";
export {
  capacityFor,
  costElements,
  packProblems,
  pitchOf,
  placeProblems,
  PROBLEM_WORDS,
  vectorLength,
  type OtCapacity,
  type ProblemSize,
} from "./problems";
export {
  checkGradient,
  checkSettings,
  DEFAULT_SETTINGS,
  PUBLISHED_SETTINGS,
  type OtSettings,
  type SweepKernels,
} from "./settings";
export { recordSinkhorn, type Solved } from "./sinkhorn";
export { MOST_RESIDUAL, readStatus } from "./status";
export { checkProblem, OtInputError } from "./check";
export { readProblem } from "./read-problem";
export { solveBatch } from "./solve";
export {
  type CostProblem,
  type FeatureProblem,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "./types";

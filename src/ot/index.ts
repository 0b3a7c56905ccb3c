// Entropic optimal transport on the GPU: ragged batches, log-domain Sinkhorn, three gradients.
export { recordCost, recordCostBackward, type CostArgs, type CostBackwardArgs, type SavedCost } from "./cost";
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
  type Placed,
  type ProblemRange,
  type ProblemSize,
} from "./problems";
export {
  checkGradient,
  checkSettings,
  DEFAULT_SETTINGS,
  MAX_SIDE,
  PUBLISHED_SETTINGS,
  type Objective,
  type OtSettings,
  type SweepKernels,
} from "./settings";
export { recordSinkhorn, type SinkhornArgs, type Solved } from "./sinkhorn";
export { MOST_RESIDUAL, readStatus, STATE_FLOATS, type ProblemStatus } from "./status";
export { checkProblem, OtInputError } from "./check";
export { solveBatch } from "./solve";
export {
  hasFeatures,
  NO_MASS,
  type CostProblem,
  type FeatureProblem,
  type OtHistory,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "./types";

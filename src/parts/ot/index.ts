// couplet/ot — batched entropic optimal transport with gradients, on WebGPU or in float64 on the CPU.
// docs/parts/ot.md is its page. The kernels come with the first question that a GPU answers.
export { costOf, planFrom } from "../../ot/cpu";
export { OtInputError } from "../../ot/check";
export { DEFAULT_SETTINGS, PUBLISHED_SETTINGS, type OtSettings } from "../../ot/settings";
export type { CostProblem, FeatureProblem, OtHistory, OtOptions, OtProblem, OtResult } from "../../ot/types";
export type { CostKind, PlanGradient, Scheme } from "../../config/transport";
export { NoGpuError } from "../../gpu/device";
export { GpuMemoryError, KernelError } from "../../gpu/failures";
export type { ProblemStatus } from "../../ot/status";
export {
  type GpuRange,
  prepare,
  type Prepared,
  type PreparedBuffer,
  type PreparedPlace,
  type PreparedShape,
} from "./prepare";
export { type RowsProblem } from "./problems";
export { solve, solveOnCpu, type Solution, type SolvedBy, type SolveTarget } from "./solve";

// A transport problem and its solution as a page or a file has them: the same for the GPU solver and its CPU twin.
import type { CostKind, PlanGradient } from "../config/transport";
import type { OtSettings, SweepKernels } from "./settings";

interface Marginals {
  /** Masses of the rows and columns; default uniform. */
  readonly a?: ArrayLike<number>;
  readonly b?: ArrayLike<number>;
  /** Warm start: where f begins. */
  readonly f?: ArrayLike<number>;
}

/** From a cost matrix, row-major n×m. */
export interface CostProblem extends Marginals {
  readonly n: number;
  readonly m: number;
  readonly cost: ArrayLike<number>;
}

/** From features, row-major n×d and m×d. */
export interface FeatureProblem extends Marginals {
  readonly n: number;
  readonly m: number;
  readonly d: number;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly kind: CostKind;
}

export type OtProblem = CostProblem | FeatureProblem;
export const hasFeatures = (p: OtProblem): p is FeatureProblem => "x" in p;

export interface OtOptions extends Partial<OtSettings> {
  readonly gradient?: PlanGradient | "none";
  /** Also the Sinkhorn divergence, value(x,y) − ½ value(x,x) − ½ value(y,y); needs features. */
  readonly divergence?: boolean;
  /** Keep the potentials and the error of every sweep. */
  readonly history?: boolean;
  /** Which kernels sweep; for tests and benchmarks. Default: chosen by sizes and device. */
  readonly kernels?: SweepKernels;
}

/** Potentials after each sweep; row 0 is the start. Any iteration's plan follows from them: `planFrom`. */
export interface OtHistory {
  /** (iterations+1)×n and (iterations+1)×m. */
  readonly f: Float64Array;
  readonly g: Float64Array;
  /** L1 column error after each sweep; NaN where it is not known. */
  readonly error: Float64Array;
}

export interface OtResult {
  readonly n: number;
  readonly m: number;
  /** Row-major n×m. */
  readonly plan: Float64Array;
  /** −1e30 where there is no mass. */
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly epsilon: number;
  readonly cost: number;
  readonly value: number;
  readonly entropy: number;
  readonly mass: number;
  /** Primal less dual. */
  readonly gap: number;
  readonly iterations: number;
  /** The larger L1 error of the two marginals, as a share of the mass that should be there (1 in balanced problems). */
  readonly marginalError: number;
  readonly converged: boolean;
  /** With the implicit gradient: what its linear system is missed by, relative to its right-hand side (0: rounding alone), and whether that is little. */
  readonly gradientResidual?: number;
  readonly gradientSolved?: boolean;
  readonly dcost?: Float64Array;
  readonly dx?: Float64Array;
  readonly dy?: Float64Array;
  readonly divergence?: number;
  readonly history?: OtHistory;
}

/** The potential of a row or column without mass. */
export const NO_MASS = -1e30;

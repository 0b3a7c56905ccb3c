// The language of the transport worker: problems of optimal transport in, plans out. Every command is answered by one
// event with its id.
import type { ScreenSolution, ScreenProblem } from "./reader-protocol";

/** The plan of a given cost, for pages without WebGPU and for a recorded plan with another epsilon. */
export interface CostProblem {
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols] row-major. */
  readonly cost: Float32Array;
  /** Times the mean cost. */
  readonly epsilon: number;
  readonly maxIterations: number;
  readonly tolerance: number;
}

export interface CostSolution {
  readonly plan: Float32Array;
  readonly transportCost: number;
  readonly entropy: number;
  readonly epsilon: number;
  readonly iterations: number;
  readonly marginalError: number;
  readonly converged: boolean;
  /** L1 marginal error after each sweep. */
  readonly errors: Float32Array;
}

export type SolverCommand =
  | { type: "solve-cost"; id: number; problem: CostProblem }
  /** From features, with everything that the Transport screen draws. */
  | { type: "solve"; id: number; problem: ScreenProblem };

export type SolverEvent =
  | { type: "solved-cost"; id: number; solution: CostSolution }
  | { type: "solved"; id: number; solution: ScreenSolution }
  /** What is wrong with a question; the worker lives on. */
  | { type: "failed"; id: number; detail: string }
  /** The GPU can answer from now on, or never will. */
  | { type: "ready" };

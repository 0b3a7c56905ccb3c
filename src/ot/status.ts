// The report of a solve, problem by problem: the state that shaders/ot/problem.wgsl lays out.

export const STATE_FLOATS = 16;

export interface ProblemStatus {
  /** ε as used, after scaling by the mean cost. */
  readonly epsilon: number;
  readonly iterations: number;
  /** The larger L1 error of the two marginals, measured on the plan itself. */
  readonly marginalError: number;
  readonly converged: boolean;
  readonly meanCost: number;
  /** ⟨P, C⟩. */
  readonly cost: number;
  /** ⟨P, C⟩ + ε KL(P | abᵀ). */
  readonly value: number;
  readonly entropy: number;
  readonly mass: number;
  /** Primal less dual. */
  readonly gap: number;
}

/** Read problem p's report from the values of `Solved.state`. */
export function readStatus(state: ArrayLike<number>, p: number): ProblemStatus {
  const at = (k: number): number => state[p * STATE_FLOATS + k] ?? NaN;
  return {
    epsilon: at(0),
    iterations: at(1),
    marginalError: at(2),
    converged: at(3) === 1,
    meanCost: at(4),
    cost: at(5),
    value: at(6),
    entropy: at(7),
    mass: at(8),
    gap: at(9),
  };
}

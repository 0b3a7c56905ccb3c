// The report of a solve, problem by problem: the state that shaders/ot/problem.wgsl lays out.

export const STATE_FLOATS = 16;

export interface ProblemStatus {
  /** ε as used, after scaling by the mean cost. */
  readonly epsilon: number;
  readonly iterations: number;
  /** The larger L1 error of the two marginals, measured on the plan itself, as a share of the mass wanted there. */
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
  /** What the implicit gradient's linear system is missed by, relative to its right-hand side; 0: rounding alone, or another gradient. */
  readonly gradientResidual: number;
  /** Its conjugate-gradient steps. */
  readonly gradientSteps: number;
}

/** An implicit gradient whose residual is larger is not to be trusted. */
export const MOST_RESIDUAL = 1e-3;

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
    gradientResidual: at(12),
    gradientSteps: at(13),
  };
}

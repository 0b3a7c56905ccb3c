// One transport problem of the Transport screen: cost, plan, gradient and the whole iteration. What is asked of the
// CPU twin and of the GPU is the same problem, made here: the cost costs n·m·d once, which is little beside sweeps.
import { type CostProblem, costOf, type OtOptions, type OtResult, solveOnCpu } from "../parts/ot";
import type { ScreenSolution, ScreenProblem, SolvedBy } from "./reader-protocol";

export interface AskedProblem {
  readonly problem: CostProblem & { readonly cost: Float64Array };
  readonly options: OtOptions;
}

export function otProblemOf(question: ScreenProblem): AskedProblem {
  const { n, m, states, scheme, epsilon, relative, maxIterations, tolerance, masses, relaxed } = question;
  const cost = costOf({ n, m, d: states.d, x: states.student, y: states.teacher, kind: question.cost });
  const mean = cost.reduce((sum, c) => sum + c, 0) / cost.length;
  const unit = mean > 0 ? mean : 1;
  const price = (of: "student" | "teacher") =>
    relaxed === "both" || relaxed === of ? question.tau * unit : null;
  const [tauA, tauB] = [price("student"), price("teacher")];
  const eps = relative ? epsilon * unit : epsilon;
  return {
    problem: {
      ...{ n, m, cost },
      a: againstProduct(masses.student, eps, tauA),
      b: againstProduct(masses.teacher, eps, tauB),
    },
    options: {
      ...{ scheme, epsilon, relative, maxIterations, tolerance, tauA, tauB },
      gradient: question.gradient,
      history: true,
    },
  };
}

/** Masses below this lose their last digits in float32. */
const LEAST_LOG_MASS = -80;

/**
 * The solver's entropy is counted per cell, which for relaxed marginals is another problem than ε KL(P | abᵀ): it pays
 * for mass in every cell, up to more than there is. With a^(1/ρ) for a, 1/ρ = 1 + ε/τ, its sweep
 * f = ρ ε (log a − lse) is that of the divergence from abᵀ, f = ε log a − ρ ε lse; so is the marginal that it aims at.
 */
function againstProduct(masses: Float64Array, eps: number, tau: number | null): Float64Array {
  if (tau === null) return masses;
  const power = 1 + eps / tau;
  const least = Math.log(masses.reduce((low, x) => (x > 0 ? Math.min(low, x) : low), 1));
  if (power * least < LEAST_LOG_MASS) {
    const bound = (1 / (LEAST_LOG_MASS / least - 1)).toPrecision(2);
    throw new RangeError(
      `τ is too small beside ε for so many tokens: τ must be at least ${bound} ε. Raise τ, or lower ε.`,
    );
  }
  return masses.map((x) => x ** power);
}

type WhyCpu = Extract<SolvedBy, { device: "cpu" }>["why"];

export function solveScreenProblem(
  question: ScreenProblem,
  why: WhyCpu = "asked",
  detail = "",
): ScreenSolution {
  const started = performance.now();
  const { problem, options } = otProblemOf(question);
  const [solved] = solveOnCpu([problem], options);
  return toSolution(problem.cost, solved, { device: "cpu", why, detail }, started);
}

export function toSolution(
  cost: Float64Array,
  solved: OtResult | undefined,
  by: SolvedBy,
  started: number,
): ScreenSolution {
  if (!solved?.history) throw new Error("The solver gave no answer for one problem.");
  const { history } = solved;
  return {
    cost: Float32Array.from(cost),
    plan: Float32Array.from(solved.plan),
    gradient: solved.dcost && Float32Array.from(solved.dcost),
    f: Float32Array.from(history.f),
    g: Float32Array.from(history.g),
    errors: Float32Array.from(history.error),
    epsilon: solved.epsilon,
    transportCost: solved.cost,
    entropy: solved.entropy,
    iterations: solved.iterations,
    marginalError: solved.marginalError,
    converged: solved.converged,
    ms: performance.now() - started,
    by,
  };
}

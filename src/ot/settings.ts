// What a transport solve may be asked to do, and its defaults.
import { GRADIENTS, PUBLISHED, SCHEMES, type PlanGradient, type Scheme } from "../config/transport";

/** The loss whose gradient is taken: ⟨P, C⟩, or ⟨P, C⟩ + ε KL(P | abᵀ). */
const OBJECTIVES = ["cost", "value"] as const;
type Objective = (typeof OBJECTIVES)[number];

/**
 * Who sweeps: one workgroup a problem, reading K twice a sweep (`portable`) or once with subgroups (`fused`, where the
 * device has them); or many workgroups a problem (`wide`). All give the same plan; docs/SINKHORN.md says what wins where.
 */
export type SweepKernels = "portable" | "fused" | "wide";

export interface OtSettings {
  /** ε, or its ratio to each problem's mean cost when `relative`. The multiplicative scheme's is 1/alpha. */
  readonly epsilon: number;
  readonly relative: boolean;
  readonly scheme: Scheme;
  readonly maxIterations: number;
  /** L1 marginal error at which a problem stops. 0: exactly maxIterations sweeps. */
  readonly tolerance: number;
  /** KL relaxation of the row and column marginal; null: the marginal is kept exactly. */
  readonly tauA: number | null;
  readonly tauB: number | null;
  /** Over-relaxation ω in [1, 2), from the eleventh sweep on; 1: none. */
  readonly relaxation: number;
  /** ε starts at the mean cost and shrinks by this factor each sweep; 0: no ε-scaling. */
  readonly epsilonScaling: number;
  readonly objective: Objective;
}

export const DEFAULT_SETTINGS: OtSettings = {
  epsilon: 0.05,
  relative: true,
  scheme: "log",
  maxIterations: 2000,
  tolerance: 1e-5,
  tauA: null,
  tauB: null,
  relaxation: 1,
  epsilonScaling: 0,
  objective: "cost",
};

/** CoT2Align's published loop; its cost, `attention`, is the problem's. */
export const PUBLISHED_SETTINGS: OtSettings = (() => {
  const { cost: _, ...loop } = PUBLISHED;
  return { ...DEFAULT_SETTINGS, ...loop };
})();

/** Constants of the authors' loop: what is added to every denominator, and how often it looks at its error. */
export const PUBLISHED_DELTA = 1e-9;
export const PUBLISHED_CHECK_EVERY = 50;
/** Sweeps before over-relaxation sets in. */
export const RELAX_AFTER = 10;
/** Rows or columns of one problem, at most: both scalings live in workgroup memory. */
export const MAX_SIDE = 1024;

/** ε beside the costs that a plan cannot avoid, at least: below, (f + g − C)/ε is rounding alone. */
export const LEAST_RATIO = 1e-12;

/** @throws RangeError naming the first setting that makes no sense. */
export function checkSettings(s: OtSettings): void {
  const positive = (name: string, x: number) =>
    demand(Number.isFinite(x) && x > 0, `${name} must be a number > 0, got ${x}`);
  const known = (name: string, x: string, choices: readonly string[]) =>
    demand(choices.includes(x), `${name} must be one of ${choices.join(", ")}, got ${JSON.stringify(x)}`);
  known("scheme", s.scheme, SCHEMES);
  known("objective", s.objective, OBJECTIVES);
  positive("epsilon", s.epsilon);
  demand(
    !(s.relative && s.scheme === "log" && s.epsilon < LEAST_RATIO),
    `epsilon is ${s.epsilon} times the mean cost; below ${LEAST_RATIO} no arithmetic here tells it from 0. Raise it.`,
  );
  if (s.tauA !== null) positive("tauA", s.tauA);
  if (s.tauB !== null) positive("tauB", s.tauB);
  demand(Number.isFinite(s.tolerance) && s.tolerance >= 0, `tolerance must be ≥ 0, got ${s.tolerance}`);
  demand(
    Number.isInteger(s.maxIterations) && s.maxIterations >= 1 && s.maxIterations <= 1e6,
    `maxIterations must be a whole number from 1 to 1000000, got ${s.maxIterations}`,
  );
  demand(s.relaxation >= 1 && s.relaxation < 2, `relaxation must lie in [1, 2), got ${s.relaxation}`);
  demand(
    s.epsilonScaling >= 0 && s.epsilonScaling < 1,
    `epsilonScaling must lie in [0, 1), got ${s.epsilonScaling}`,
  );
  const plain = s.relaxation === 1 && s.epsilonScaling === 0 && s.tauA === null && s.tauB === null;
  demand(
    s.scheme === "log" || plain,
    `scheme "multiplicative" is the authors' loop: no relaxation, epsilonScaling or tau`,
  );
}

/** ε of a problem. Where every cost is 0 its mean says nothing, and any ε gives the same plan. */
export const epsilonOf = (s: OtSettings, meanCost: number): number =>
  s.relative && meanCost > 0 ? s.epsilon * meanCost : s.epsilon;

/** @throws RangeError when this gradient is not the derivative of that iteration. */
export function checkGradient(s: OtSettings, gradient: PlanGradient): void {
  const plain = s.relaxation === 1 && s.epsilonScaling === 0;
  demand(
    GRADIENTS.includes(gradient),
    `gradient must be one of none, ${GRADIENTS.join(", ")}, got ${JSON.stringify(gradient)}`,
  );
  demand(
    gradient !== "unrolled" || plain,
    `gradient "unrolled" needs plain sweeps: relaxation 1 and epsilonScaling 0`,
  );
}

function demand(ok: boolean, message: string): void {
  if (!ok) throw new RangeError(message);
}

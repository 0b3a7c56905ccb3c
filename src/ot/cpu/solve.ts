// The CPU twin of the GPU solver: the same problems, options and results, in float64, one problem after another.
import { checkProblem, massesOf } from "../check";
import { reportPlan } from "../report";
import { checkGradient, checkSettings, DEFAULT_SETTINGS, epsilonOf, type OtSettings } from "../settings";
import {
  hasFeatures,
  type FeatureProblem,
  type OtHistory,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "../types";
import { costBackward, costOf } from "./cost";
import { implicitGradient, unrolledGradient } from "./gradient";
import { Sinkhorn, type Dense } from "./sinkhorn";

/** Solve every problem. @throws RangeError when a setting makes no sense. */
export function solveBatchOnCpu(problems: readonly OtProblem[], options: OtOptions = {}): OtResult[] {
  const settings = { ...DEFAULT_SETTINGS, ...options };
  checkSettings(settings);
  if (options.gradient && options.gradient !== "none") checkGradient(settings, options.gradient);
  problems.forEach((p, i) => checkProblem(p, i, settings, options));
  return problems.map((p) => {
    const result = solve(p, settings, options);
    if (!options.divergence || !hasFeatures(p)) return result;
    const own = selfProblems(p).map((q) =>
      solve(q, { ...settings, epsilon: result.epsilon, relative: false }, {}),
    );
    return { ...result, divergence: result.value - 0.5 * own[0]!.value - 0.5 * own[1]!.value }; // two self problems
  });
}

/** The problems (x, x) and (y, y) of the Sinkhorn divergence. */
export function selfProblems(p: FeatureProblem): [FeatureProblem, FeatureProblem] {
  const of = (n: number, x: ArrayLike<number>, a: ArrayLike<number> | undefined): FeatureProblem => ({
    ...{ n, m: n, d: p.d, x, y: x, kind: p.kind },
    ...(a ? { a, b: a } : {}),
  });
  return [of(p.n, p.x, p.a), of(p.m, p.y, p.b)];
}

function solve(p: OtProblem, settings: OtSettings, options: OtOptions): OtResult {
  const cost = hasFeatures(p) ? costOf(p) : Float64Array.from(p.cost);
  const { n, m } = p;
  const dense: Dense = {
    n,
    m,
    cost,
    a: massesOf(p.a, n, settings),
    b: massesOf(p.b, m, settings),
    warm: p.f,
  };
  const mean = cost.reduce((sum, c) => sum + c, 0) / cost.length;
  const eps = Math.max(epsilonOf(settings, mean), 1e-300);

  const solver = new Sinkhorn(dense, settings, eps);
  const trace = options.history || options.gradient === "unrolled" ? new Trace(n, m) : undefined;
  solver.run(trace ? (state) => trace.add(state) : undefined);
  const plan = solver.plan();
  const { f, g } = solver.potentials();
  const history = trace?.done();
  const result = {
    n,
    m,
    plan,
    f,
    g,
    epsilon: eps,
    iterations: solver.iterations,
    ...reportPlan({ ...dense, plan, f, g }, settings, eps),
  };

  const dcost = costGradient(dense, settings, eps, result, options, history);
  return {
    ...result,
    ...(dcost ? { dcost } : {}),
    ...(dcost && hasFeatures(p) ? costBackward(p, cost, dcost) : {}),
    ...(options.history && history ? { history } : {}),
  };
}

function costGradient(
  dense: Dense,
  settings: OtSettings,
  eps: number,
  { plan, f, g }: Pick<OtResult, "plan" | "f" | "g">,
  options: OtOptions,
  history: OtHistory | undefined,
): Float64Array | undefined {
  switch (options.gradient ?? "none") {
    case "none":
      return undefined;
    case "envelope":
      return plan.slice();
    case "implicit":
      return implicitGradient(dense, settings, eps, plan, f, g);
    case "unrolled":
      return history && unrolledGradient(dense, settings, eps, history);
  }
}

/** Collects the potentials of every sweep. */
class Trace {
  readonly #f: Float64Array[] = [];
  readonly #g: Float64Array[] = [];
  readonly #error: number[] = [];

  constructor(
    readonly n: number,
    readonly m: number,
  ) {}

  add(state: Sinkhorn): void {
    const { f, g } = state.potentials();
    this.#f.push(f);
    this.#g.push(g);
    this.#error.push(state.error);
  }

  done(): OtHistory {
    const flat = (parts: Float64Array[], width: number) => {
      const out = new Float64Array(parts.length * width);
      parts.forEach((part, k) => out.set(part, k * width));
      return out;
    };
    return { f: flat(this.#f, this.n), g: flat(this.#g, this.m), error: Float64Array.from(this.#error) };
  }
}

// The CPU twin of the GPU solver: the same problems, options and results, in float64, one problem after another.
import { checkProblem, massesOf } from "../check";
import { reportPlan } from "../report";
import { scaleOf } from "../scale";
import { checkGradient, checkSettings, DEFAULT_SETTINGS, type OtSettings } from "../settings";
import { MOST_RESIDUAL } from "../status";
import {
  hasFeatures,
  type FeatureProblem,
  type OtHistory,
  type OtOptions,
  type OtProblem,
  type OtResult,
} from "../types";
import { warmStart } from "../units";
import { costBackward, costOf } from "./cost";
import { implicitGradient, unrolledGradient } from "./gradient";
import { Sinkhorn, type Dense } from "./sinkhorn";

/** Solve every problem. @throws OtInputError naming problem and field; RangeError for a setting that makes no sense. */
export function solveBatchOnCpu(problems: readonly OtProblem[], options: OtOptions = {}): OtResult[] {
  return [...solutionsOnCpu(problems, options)];
}

/** The same, one problem each time it is asked. Everything is checked before the first. */
export function solutionsOnCpu(problems: readonly OtProblem[], options: OtOptions = {}): Iterable<OtResult> {
  const settings = { ...DEFAULT_SETTINGS, ...options };
  checkSettings(settings);
  if (options.gradient && options.gradient !== "none") checkGradient(settings, options.gradient);
  problems.forEach((p, i) => checkProblem(p, i, settings, options));
  return (function* () {
    for (const p of problems) yield solveWithDivergence(p, settings, options);
  })();
}

function solveWithDivergence(p: OtProblem, settings: OtSettings, options: OtOptions): OtResult {
  const result = solve(p, settings, options);
  if (!options.divergence || !hasFeatures(p)) return result;
  const own = selfProblems(p).map((q) =>
    solve(q, { ...settings, epsilon: result.epsilon, relative: false }, {}),
  );
  return { ...result, divergence: result.value - 0.5 * own[0]!.value - 0.5 * own[1]!.value }; // two self problems
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
  const [a, b] = [massesOf(p.a, n, settings), massesOf(p.b, m, settings)];
  const { epsilon: eps, low, high, unavoidable } = scaleOf({ n, m, cost }, a, b, settings);
  const extent = { range: high - low, low, unavoidable };
  const dense: Dense = { n, m, cost, a, b, warm: warmStart(p.f, a, settings, eps, extent) };

  const solver = new Sinkhorn(dense, settings, eps);
  const trace = options.history || options.gradient === "unrolled" ? new Trace(n, m) : undefined;
  solver.run(trace ? (state) => trace.add(state) : undefined);
  const plan = solver.plan();
  const history = trace?.done();
  const report = reportPlan({ ...dense, plan, ...solver.potentials() }, settings, eps);
  const result = { n, m, plan, epsilon: eps, iterations: solver.iterations, ...report };

  const { dcost, ...system } = costGradient(dense, settings, eps, result, options, history);
  return {
    ...result,
    ...(dcost ? { dcost } : {}),
    ...system,
    ...(dcost && hasFeatures(p) ? costBackward(p, cost, dcost) : {}),
    ...(options.history && history ? { history } : {}),
  };
}

type CostGradient = Pick<OtResult, "dcost" | "gradientResidual" | "gradientSolved">;

function costGradient(
  dense: Dense,
  settings: OtSettings,
  eps: number,
  { plan, f, g }: Pick<OtResult, "plan" | "f" | "g">,
  options: OtOptions,
  history: OtHistory | undefined,
): CostGradient {
  switch (options.gradient ?? "none") {
    case "none":
      return {};
    case "envelope":
      return { dcost: plan.slice() };
    case "implicit": {
      const { dcost, residual } = implicitGradient(dense, settings, eps, plan, f, g);
      return { dcost, gradientResidual: residual, gradientSolved: residual <= MOST_RESIDUAL };
    }
    case "unrolled":
      return history ? { dcost: unrolledGradient(dense, settings, eps, history) } : {};
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

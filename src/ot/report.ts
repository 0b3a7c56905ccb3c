// The report of a plan, measured on the plan itself, in float64. Equations: shaders/ot/sinkhorn_finish.wgsl.
import type { OtSettings } from "./settings";
import { NO_MASS } from "./types";

export interface PlanReport {
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly cost: number;
  readonly value: number;
  readonly entropy: number;
  readonly mass: number;
  readonly gap: number;
  readonly marginalError: number;
  readonly converged: boolean;
}

export interface Measured {
  readonly cost: ArrayLike<number>;
  readonly plan: ArrayLike<number>;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly f: Float64Array;
  readonly g: Float64Array;
}

export function reportPlan(measured: Measured, s: OtSettings, eps: number): PlanReport {
  const limit = productLimit(measured, s, eps);
  const p = limit ? { ...measured, f: limit.f, g: limit.g } : measured;
  const { cost, plan, a, b } = p;
  const r = new Float64Array(a.length);
  const c = new Float64Array(b.length);
  let linear = 0;
  let entropy = 0;
  let kl = 0; // Σ ab φ(P/ab), φ(t) = t log t − t + 1: every term ≥ 0, so nothing cancels when ε is large
  for (let i = 0, at = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++, at++) {
      const x = plan[at]!;
      const ab = a[i]! * b[j]!;
      r[i]! += x;
      c[j]! += x;
      linear += x * cost[at]!;
      if (x > 0) {
        entropy -= x * Math.log(x);
        kl += x * Math.log(x / ab);
      }
      kl += ab - x;
    }
  const rows = measureSide(r, a, p.f, eps, s.tauA, limit?.phi);
  const columns = measureSide(c, b, p.g, eps, s.tauB, limit?.gamma);
  const relaxed = s.tauA !== null || s.tauB !== null;
  // The masses of a balanced problem sum to one. A side that should be empty, and is not, misses all of its mass.
  const share = ({ error, wanted }: SideReport) => (relaxed && error > 0 ? error / wanted : error);
  const marginalError = Math.max(share(rows), share(columns));
  return {
    ...{ f: p.f, g: p.g, cost: linear, value: linear + (limit ? limit.regularization : eps * kl), entropy },
    mass: r.reduce((sum, x) => sum + x, 0),
    gap: rows.gap + columns.gap,
    marginalError,
    converged: marginalError <= s.tolerance,
  };
}

/** From this many times the range of the costs on, ε log a would round f − ε log a away. */
const NEAR_PRODUCT = 1e7;

/**
 * Where ε is that large the plan is a bᵀ but for its last digits, and what differs is of first order in C/ε:
 * f_i − ε log a_i = φ_i, g_j − ε log b_j = γ_j with γ_j = Σ_i a_i C_ij and φ_i = Σ_j b_j (C_ij − γ_j), and
 * ε KL(P | abᵀ) = Σ ab (φ_i + γ_j − C_ij)²/2ε. Measured on the plan, both would be ε times a rounding error.
 */
function productLimit({ cost, a, b }: Measured, s: OtSettings, eps: number) {
  if (s.scheme !== "log" || s.tauA !== null || s.tauB !== null) return undefined;
  let [low, high] = [Infinity, -Infinity];
  const gamma = new Float64Array(b.length);
  const live = (i: number, j: number) => a[i]! > 0 && b[j]! > 0;
  for (let i = 0, at = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++, at++) {
      if (!live(i, j)) continue;
      low = Math.min(low, cost[at]!);
      high = Math.max(high, cost[at]!);
      gamma[j]! += a[i]! * cost[at]!;
    }
  if (!(eps > NEAR_PRODUCT * (high - low))) return undefined;
  let sum = 0;
  const phi = Float64Array.from(a, (_, i) =>
    b.reduce(
      (total, mass, j) => (live(i, j) ? total + mass * (cost[i * b.length + j]! - gamma[j]!) : total),
      0,
    ),
  );
  for (let i = 0, at = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++, at++)
      if (live(i, j)) {
        const left = phi[i]! + gamma[j]! - cost[at]!;
        sum += a[i]! * b[j]! * left * (left / eps);
      }
  const whole = (part: Float64Array, mass: Float64Array) =>
    part.map((x, i) => (mass[i]! > 0 ? x + eps * Math.log(mass[i]!) : NO_MASS));
  return { phi, gamma, f: whole(phi, a), g: whole(gamma, b), regularization: sum / 2 };
}

interface SideReport {
  readonly error: number;
  readonly wanted: number;
  readonly gap: number;
}

/** @param reduced potentials less ε log mass, where that difference would be rounding alone. */
function measureSide(
  got: Float64Array,
  mass: Float64Array,
  potential: Float64Array,
  eps: number,
  tau: number | null,
  reduced: Float64Array | undefined,
): SideReport {
  let [error, gap, total] = [0, 0, 0];
  got.forEach((x, i) => {
    const want = mass[i]!;
    const pot = potential[i]!;
    if (!(want > 0) || pot === NO_MASS) {
      error += Math.abs(x - want);
      total += want;
      return;
    }
    const wanted = tau === null ? want : want * Math.exp(-pot / tau);
    error += Math.abs(x - wanted);
    total += wanted;
    if (tau === null) gap += (x - want) * (reduced?.[i] ?? pot - eps * Math.log(want));
    else gap += x * pot + tau * (x * Math.log(Math.max(x, 1e-300) / want) - x + wanted);
  });
  return { error, wanted: total, gap };
}

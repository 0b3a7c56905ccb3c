// The report of a plan, measured on the plan itself, in float64. Equations: shaders/ot/sinkhorn_finish.wgsl.
import type { OtSettings } from "./settings";
import { NO_MASS } from "./types";

export interface PlanReport {
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

export function reportPlan(p: Measured, s: OtSettings, eps: number): PlanReport {
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
  const rows = measureSide(r, a, p.f, eps, s.tauA);
  const columns = measureSide(c, b, p.g, eps, s.tauB);
  const marginalError = Math.max(rows.error, columns.error);
  return {
    cost: linear,
    value: linear + eps * kl,
    entropy,
    mass: r.reduce((sum, x) => sum + x, 0),
    gap: rows.gap + columns.gap,
    marginalError,
    converged: marginalError <= s.tolerance,
  };
}

function measureSide(
  got: Float64Array,
  mass: Float64Array,
  potential: Float64Array,
  eps: number,
  tau: number | null,
): { error: number; gap: number } {
  let error = 0;
  let gap = 0;
  got.forEach((x, i) => {
    const want = mass[i]!;
    const pot = potential[i]!;
    if (!(want > 0) || pot <= NO_MASS) {
      error += Math.abs(x - want);
      return;
    }
    const wanted = tau === null ? want : want * Math.exp(-pot / tau);
    error += Math.abs(x - wanted);
    if (tau === null) gap += (x - want) * (pot - eps * Math.log(want));
    else gap += x * pot + tau * (x * Math.log(Math.max(x, 1e-300) / want) - x + wanted);
  });
  return { error, gap };
}

// A plan at any sweep of its iteration, drawn again from the potentials, and what can be read off it.
import type { LabSolution } from "../../client";

export const sweepCount = ({ errors }: LabSolution): number => errors.length - 1;

/** P = exp((f + g − C) / ε) with the potentials after sweep k; the last sweep is the solver's own plan. */
export function planAtSweep(solution: LabSolution, n: number, m: number, sweep: number): Float32Array {
  if (sweep >= sweepCount(solution)) return solution.plan;
  const { cost, f, g, epsilon } = solution;
  const plan = new Float32Array(n * m);
  for (let i = 0, at = 0; i < n; i++) {
    const fi = f[sweep * n + i] ?? 0;
    for (let j = 0; j < m; j++, at++)
      plan[at] = Math.exp((fi + (g[sweep * m + j] ?? 0) - (cost[at] ?? 0)) / epsilon);
  }
  return plan;
}

export interface PlanFacts {
  readonly transportCost: number;
  readonly mass: number;
  /** −Σ P log P in nats. */
  readonly entropy: number;
  /** 0 for a·bᵀ, 1 for a one-to-one plan: (log nm − H) / log min(n, m). */
  readonly sharpness: number;
  /** L1 distance of both marginals from uniform. */
  readonly marginalError: number;
}

export function planFacts(plan: Float32Array, cost: Float32Array, n: number, m: number): PlanFacts {
  let [transportCost, mass, entropy] = [0, 0, 0];
  const rows = new Float64Array(n);
  const cols = new Float64Array(m);
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j < m; j++, at++) {
      const p = plan[at] ?? 0;
      if (!(p > 0)) continue;
      transportCost += p * (cost[at] ?? 0);
      mass += p;
      entropy -= p * Math.log(p);
      rows[i]! += p; // i < n and j < m by construction
      cols[j]! += p;
    }
  const off = (sums: Float64Array) => sums.reduce((s, x) => s + Math.abs(x - 1 / sums.length), 0);
  const least = Math.log(Math.min(n, m));
  const sharpness = least > 0 ? (Math.log(n * m) - entropy) / least : 1;
  return {
    transportCost,
    mass,
    entropy,
    sharpness: Math.min(1, Math.max(0, sharpness)),
    marginalError: off(rows) + off(cols),
  };
}

// A plan at any sweep of its iteration, drawn again from the potentials, and what can be read off it.
import type { LabSolution, LabSolve } from "../../client";

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
  /**
   * Normalized mutual information of the two sides, 0 for the product of the marginals, 1 for a one-to-one plan: (H(P1) + H(Pᵀ1) − H(P)) / min(H(P1), H(Pᵀ1)) of the plan scaled to mass 1.
   */
  readonly mutualInformation: number;
  /** L1 distance of both marginals from the tokens' masses: an error where they must be kept, a price where not. */
  readonly marginalError: number;
  /** Share of each token's mass that the plan moves. */
  readonly moved: { readonly student: Float64Array; readonly teacher: Float64Array };
}

export function planFacts(plan: Float32Array, cost: Float32Array, masses: LabSolve["masses"]): PlanFacts {
  const { student: a, teacher: b } = masses;
  const [n, m] = [a.length, b.length];
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
  const off = (sums: Float64Array, wanted: Float64Array) =>
    sums.reduce((s, x, i) => s + Math.abs(x - (wanted[i] ?? 0)), 0);
  const share = (sums: Float64Array, whole: Float64Array) =>
    sums.map((x, i) => ((whole[i] ?? 0) > 0 ? x / whole[i]! : 1));
  return {
    transportCost,
    mass,
    entropy,
    mutualInformation: mutualInformationOf(rows, cols, entropy, mass),
    marginalError: off(rows, a) + off(cols, b),
    moved: { student: share(rows, a), teacher: share(cols, b) },
  };
}

function mutualInformationOf(rows: Float64Array, cols: Float64Array, entropy: number, mass: number): number {
  if (!(mass > 0)) return 0;
  const entropyOf = (sums: Float64Array) =>
    sums.reduce((h, x) => (x > 0 ? h - (x / mass) * Math.log(x / mass) : h), 0);
  const [h, k] = [entropyOf(rows), entropyOf(cols)];
  const most = Math.min(h, k);
  if (!(most > 0)) return 1;
  return Math.min(1, Math.max(0, (h + k - (entropy / mass + Math.log(mass))) / most));
}

// A plan at any sweep of its iteration, drawn again from the potentials.
import type { ScreenSolution } from "../../client";
import { measure, type Plan } from "../../figure";
import type { Solved } from "./screen";

export const sweepCount = ({ errors }: ScreenSolution): number => errors.length - 1;

/** P = exp((f + g − C) / ε) with the potentials after sweep k; the last sweep is the solver's own plan. */
export function planAtSweep(solution: ScreenSolution, n: number, m: number, sweep: number): Float32Array {
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

/** The figure's record of the plan after a sweep. */
export function planOfSweep({ lines, solution, masses, relaxed }: Solved, sweep: number): Plan {
  const { student, teacher } = lines;
  const [n, m] = [student.ids.length, teacher.ids.length];
  const last = sweepCount(solution);
  const mass = planAtSweep(solution, n, m, sweep);
  return {
    ...{ student, teacher, mass, cost: solution.cost, weights: masses, epsilon: solution.epsilon },
    potentials: {
      student: solution.f.subarray(sweep * n, (sweep + 1) * n),
      teacher: solution.g.subarray(sweep * m, (sweep + 1) * m),
    },
    relaxed: relaxed !== "none",
    report: {
      ...measure(mass, solution.cost, masses),
      sweeps: sweep,
      converged: sweep < last ? undefined : solution.converged,
    },
  };
}

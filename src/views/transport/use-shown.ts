// What the screen draws now: the plan of the chosen sweep, and the matrix of the chosen tab.
import { useMemo } from "react";
import { planAtSweep, planFacts, sweepCount, type PlanFacts, type Solved } from "../../store";
import { useLabState } from "../use-app";

export interface Shown {
  readonly solved: Solved;
  readonly n: number;
  readonly m: number;
  readonly sweep: number;
  readonly last: number;
  readonly plan: Float32Array;
  readonly facts: PlanFacts;
}

export function useShown(): Shown | undefined {
  const solved = useLabState((state) => state.solved);
  const chosen = useLabState((state) => state.view.show.sweep);
  return useMemo(() => {
    if (!solved) return undefined;
    const { lines, solution, masses } = solved;
    const [n, m] = [lines.student.ids.length, lines.teacher.ids.length];
    const last = sweepCount(solution);
    const sweep = Math.min(chosen ?? last, last);
    const plan = planAtSweep(solution, n, m, sweep);
    return { solved, n, m, sweep, last, plan, facts: planFacts(plan, solution.cost, masses) };
  }, [solved, chosen]);
}

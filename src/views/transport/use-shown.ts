// What the screen draws now: the plan of the chosen sweep.
import { useMemo } from "react";
import type { Plan } from "../../figure";
import { planOfSweep, sweepCount, type Solved } from "../../store";
import { useTransportState } from "../use-app";

export interface Shown {
  readonly solved: Solved;
  readonly plan: Plan;
  readonly sweep: number;
  readonly last: number;
}

export function useShown(): Shown | undefined {
  const solved = useTransportState((state) => state.solved);
  const chosen = useTransportState((state) => state.view.show.sweep);
  return useMemo(() => {
    if (!solved) return undefined;
    const last = sweepCount(solved.solution);
    const sweep = Math.min(chosen ?? last, last);
    return { solved, plan: planOfSweep(solved, sweep), sweep, last };
  }, [solved, chosen]);
}

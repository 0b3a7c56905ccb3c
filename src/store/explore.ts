// Solving the shown plan again with another epsilon, on the CPU: works without a GPU and without a run.
import type { StoreApi } from "zustand/vanilla";
import type { CostSolution, TransportClient } from "../client";
import type { PlanRecord } from "../telemetry";
import { shownRecord } from "./selectors";
import type { AppState } from "./state";

const MAX_ITERATIONS = 500;
const TOLERANCE = 1e-6;

export interface Explorer {
  /** Solve with this epsilon (times the mean cost), or go back to the run's own plan. */
  set(epsilon: number | undefined): void;
  /** The shown record may have changed: solve that one instead. */
  refresh(): void;
}

export function createExplorer(store: StoreApi<AppState>, transport: TransportClient): Explorer {
  const solve = (epsilon: number) => {
    const of = shownRecord(store.getState());
    if (!of) return store.setState({ exploration: undefined });
    const { exploration } = store.getState();
    const plan = exploration?.of === of ? exploration.plan : undefined;
    store.setState({ exploration: { epsilon, of, plan, error: undefined } });
    transport.solve(
      {
        rows: of.studentTokens.length,
        cols: of.teacherTokens.length,
        cost: of.cost.slice(), // the solver may keep what it gets
        epsilon,
        maxIterations: MAX_ITERATIONS,
        tolerance: TOLERANCE,
      },
      (reply) => update(of, { plan: answer(of, reply), error: undefined }),
      (error) => update(of, { plan: undefined, error }),
    );
  };
  const update = (of: PlanRecord, change: { plan: PlanRecord | undefined; error: string | undefined }) => {
    const { exploration } = store.getState();
    if (exploration?.of === of) store.setState({ exploration: { ...exploration, ...change } });
  };

  return {
    set(epsilon) {
      if (epsilon === undefined) store.setState({ exploration: undefined });
      else solve(epsilon);
    },
    refresh() {
      const { exploration } = store.getState();
      if (exploration && shownRecord(store.getState()) !== exploration.of) solve(exploration.epsilon);
    },
  };
}

function answer(of: PlanRecord, reply: CostSolution): PlanRecord {
  const { plan, transportCost, entropy, epsilon, iterations, marginalError, converged } = reply;
  return { ...of, plan, transportCost, entropy, epsilon, iterations, marginalError, converged };
}

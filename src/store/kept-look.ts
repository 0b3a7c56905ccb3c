// A kept run looked at without the engine: its numbers, plans and answers stand in the place of the recorded run.
import type { StoreApi } from "zustand/vanilla";
import type { RunHistory } from "./history";
import type { Keeping } from "./keeping";
import type { Generation, KeptRun } from "./kept-runs";
import type { RunRecord } from "./run-record";
import type { AppState } from "./state";

interface LookParts {
  readonly store: StoreApi<AppState>;
  /** The numbers of the recorded run, or of what is looked at in its place. */
  readonly recorded: RunHistory;
  readonly know: (change: Partial<Keeping>) => void;
  /** @throws Error when no whole generation is there. */
  readonly whole: (id: string) => Promise<Generation>;
}

export function createLook({ store, recorded, know, whole }: LookParts) {
  /** What the page came with, while something else is in its place. */
  let shipped: { readonly recorded: AppState["recorded"]; readonly steps: Shown } | undefined;
  return {
    async look(id: string): Promise<boolean> {
      try {
        const { record } = await whole(id);
        const { config, steps, evaluations, plans, answers } = record;
        const named = store.getState().keeping.runs?.find((run) => run.id === id);
        const run = {
          ...{ title: titleOf(named, record), adapter: "", config, steps, evaluations, plans },
          answers: answers ? [answers] : [],
        };
        shipped ??= {
          recorded: store.getState().recorded,
          steps: { steps: [...recorded.records], evaluations: recorded.evaluations },
        };
        show(recorded, run);
        store.setState({ recorded: { kind: "ready", run }, source: "recorded", planStep: undefined });
        know({ looking: id, damage: undefined, busy: undefined });
        return true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        know({ damage: { id, damaged: [{ step: undefined, why }], step: undefined } });
        return false;
      }
    },
    lookAway(): void {
      if (!shipped) return;
      show(recorded, shipped.steps);
      store.setState({ recorded: shipped.recorded, planStep: undefined });
      shipped = undefined;
      know({ looking: undefined });
    },
  };
}

type Shown = Pick<RunRecord, "steps" | "evaluations">;

function show(history: RunHistory, { steps, evaluations }: Shown): void {
  history.rewind(-1);
  history.push(steps);
  for (const evaluation of evaluations) history.pushEvaluation(evaluation);
}

const titleOf = (run: KeptRun | undefined, { config, step }: RunRecord): string =>
  run?.name ?? `${config.method.id}, seed ${config.seed}, step ${step} of ${config.steps}`;

// Several methods under one budget: every method with every seed, on the same rows and steps, one run after another
// through the same engine. What comes out is a table with mean and deviation, and curves.
import { createStore, type StoreApi } from "zustand/vanilla";
import { PRESETS } from "../config/presets";
import type { RunConfig } from "../config/run";
import type { App } from "./app";
import { draftFor, type PresetId } from "./draft";

export interface Budget {
  readonly presets: readonly PresetId[];
  readonly seeds: readonly number[];
  readonly steps: number;
  readonly batchSize: number;
  /** Held-out rows scored at the end. */
  readonly rows: number;
}

export interface ComparedRun {
  readonly preset: PresetId;
  readonly seed: number;
  readonly status: "waiting" | "running" | "done" | "failed";
  /** By step, from 1. */
  readonly loss: readonly number[];
  readonly crossEntropy: readonly number[];
  readonly accuracy: number | undefined;
  readonly seconds: number;
  readonly answer: string;
  readonly failure: string;
}

export interface CompareState {
  readonly budget: Budget;
  readonly runs: readonly ComparedRun[];
  readonly running: boolean;
}

export interface Comparison {
  readonly store: StoreApi<CompareState>;
  change(part: Partial<Budget>): void;
  start(): Promise<void>;
  /** After the step at hand; what is done stays. */
  stop(): void;
}

const START: Budget = { presets: ["sft", "first-light"], seeds: [1, 2], steps: 40, batchSize: 4, rows: 60 };

export const configOf = (preset: PresetId, seed: number, budget: Budget): RunConfig => {
  const { config } = PRESETS[preset];
  const { steps, batchSize, rows } = budget;
  return {
    ...config,
    ...{ seed, steps, batchSize },
    evaluation: { ...config.evaluation, everySteps: rows > 0 ? steps : 0, rows },
  };
};

export function createComparison(app: App): Comparison {
  const store = createStore<CompareState>(() => ({ budget: START, runs: [], running: false }));
  const set = (index: number, part: Partial<ComparedRun>) =>
    store.setState(({ runs }) => ({ runs: runs.map((run, i) => (i === index ? { ...run, ...part } : run)) }));

  /** Until the run is in one of these states, or the comparison was stopped. */
  const until = (states: readonly string[]) =>
    new Promise<string>((resolve) => {
      const look = () => {
        const { status, awaiting } = app.store.getState().run;
        const over = !store.getState().running;
        if (!over && (awaiting !== undefined || !states.includes(status))) return;
        stopped();
        stateChanged();
        resolve(over ? "stopped" : status);
      };
      const stateChanged = app.store.subscribe(look);
      const stopped = store.subscribe(look);
      look();
    });

  async function one(index: number, run: ComparedRun): Promise<void> {
    set(index, { status: "running" });
    app.store.setState({ draft: draftFor(configOf(run.preset, run.seed, store.getState().budget)) });
    app.actions.load();
    const loaded = await until(["ready", "failed"]);
    if (loaded === "stopped") return set(index, { status: "waiting" });
    const started = performance.now();
    if (loaded === "ready") app.actions.play();
    const end = loaded === "ready" ? await until(["finished", "failed"]) : loaded;
    if (end === "stopped") {
      app.actions.pause();
      return set(index, { status: "waiting" });
    }
    const { problem, run: now } = app.store.getState();
    const failure = problem?.kind === "failure" ? `${problem.failure.what} ${problem.failure.why}` : "";
    const last = app.live.evaluations.at(-1);
    set(index, {
      status: end === "finished" ? "done" : "failed",
      loss: [...app.live.column("loss")],
      crossEntropy: [...app.live.term("ce")],
      accuracy: last && last.step === now.step ? last.correct / last.total : undefined,
      seconds: (performance.now() - started) / 1000,
      answer: now.answers?.now ?? "",
      failure: end === "finished" ? "" : failure,
    });
  }

  return {
    store,
    change: (part) => store.setState(({ budget }) => ({ budget: { ...budget, ...part }, runs: [] })),
    async start() {
      const { budget } = store.getState();
      const blank = { loss: [], crossEntropy: [], accuracy: undefined, seconds: 0, answer: "", failure: "" };
      // Seed by seed, so that a comparison that is stopped early is still one.
      const runs = budget.seeds.flatMap((seed) =>
        budget.presets.map((preset): ComparedRun => ({ preset, seed, status: "waiting", ...blank })),
      );
      store.setState({ runs, running: true });
      for (const [index, run] of runs.entries()) if (store.getState().running) await one(index, run);
      store.setState({ running: false });
    },
    stop: () => store.setState({ running: false }),
  };
}

export interface Summary {
  readonly preset: PresetId;
  readonly runs: number;
  readonly loss: Spread;
  readonly crossEntropy: Spread;
  readonly accuracy: Spread;
  readonly seconds: Spread;
}

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation; NaN for fewer than two runs. */
  readonly deviation: number;
}

/** The last steps of a run, not the very last one: a batch is a small sample. */
const TAIL = 5;

export function summarize(runs: readonly ComparedRun[]): Summary[] {
  const presets = [...new Set(runs.map(({ preset }) => preset))];
  return presets.map((preset) => {
    const done = runs.filter((run) => run.preset === preset && run.status === "done");
    const tail = (of: (run: ComparedRun) => readonly number[]) =>
      spread(done.map((run) => mean(of(run).slice(-TAIL))));
    return {
      preset,
      runs: done.length,
      loss: tail(({ loss }) => loss),
      crossEntropy: tail(({ crossEntropy }) => crossEntropy),
      accuracy: spread(done.flatMap(({ accuracy }) => accuracy ?? [])),
      seconds: spread(done.map(({ seconds }) => seconds)),
    };
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

export function spread(values: readonly number[]): Spread {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return {
    mean: middle,
    deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : Number.NaN,
  };
}

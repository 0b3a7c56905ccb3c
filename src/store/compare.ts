// Several methods under one budget: every method with every seed, on the same rows and steps, one run after another
// through the same engine. What comes out is a table with mean and deviation, and curves.
import { createStore, type StoreApi } from "zustand/vanilla";
import { BUNDLED_DATA } from "../config/bundled";
import { PRESETS } from "../config/presets";
import type { RunStatus } from "../client";
import type { RunConfig } from "../config/run";
import type { AnswerRecord } from "../telemetry";
import type { App } from "./app";
import { draftFor, type PresetId } from "./draft";
import type { RunHistory } from "./history";
import type { LiveRun } from "./state";

/** Whose models and rows are compared on. */
export type Setting = Pick<RunConfig, "teacher" | "student" | "data">;

export interface Budget {
  /** Other models and rows than the presets' own. */
  readonly setting?: Setting | undefined;
  readonly presets: readonly PresetId[];
  readonly seeds: readonly number[];
  /** What every run may take: so many steps, or so many seconds of training and at most so many steps. */
  readonly limit: "steps" | "seconds";
  readonly steps: number;
  readonly seconds: number;
  readonly batchSize: number;
  /** Held-out rows scored at the end. */
  readonly rows: number;
  /** The held-out row whose plans and answers are kept. */
  readonly probe: number;
}

export interface ComparedRun {
  readonly preset: PresetId;
  readonly seed: number;
  readonly status: "waiting" | "running" | "done" | "failed";
  readonly config: RunConfig;
  /** The weighted total by step, from 1. */
  readonly loss: readonly number[];
  /** The mean cross entropy of a response token by step, without the method's weight on it. */
  readonly crossEntropy: readonly number[];
  readonly accuracy: number | undefined;
  /** Training alone, without plans and evaluation. */
  readonly seconds: number;
  readonly plans: LiveRun["pastPlans"];
  readonly answers: AnswerRecord | undefined;
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

const BLANK = {
  ...{ loss: [], crossEntropy: [], accuracy: undefined, seconds: 0 },
  ...{ plans: {}, answers: undefined, failure: "" },
};

const START: Budget = {
  ...{ presets: ["sft", "first-light"], seeds: [1, 2], limit: "steps", steps: 40, seconds: 60 },
  ...{ batchSize: 4, rows: 60, probe: 0 },
};

/** Plans kept of a run whose steps are known; enough for a scrubber. */
const PLANS = 10;

/** The preset on the setting's models and rows; what a preset teaches by itself (KD, DSKD) still does. */
function presetOn({ setting, seeds }: Budget, preset: PresetId): RunConfig {
  const config: RunConfig = PRESETS[preset].config;
  if (!setting) return config;
  const { outputs, records } = config.data;
  const bundled = BUNDLED_DATA.some((id) => id === setting.data.source);
  return {
    ...config,
    teacher: config.teacher === config.student ? setting.student : setting.teacher,
    student: setting.student,
    // One split for all seeds: the same rows held out in every run.
    data: { ...setting.data, outputs, records, ...(!bundled && { splitSeed: seeds[0] ?? 0 }) },
  };
}

export const configOf = (preset: PresetId, seed: number, budget: Budget): RunConfig => {
  const config = presetOn(budget, preset);
  const { steps, batchSize, rows, limit, probe } = budget;
  const everySteps = limit === "steps" ? Math.max(1, Math.ceil(steps / PLANS)) : 10;
  return {
    ...config,
    ...{ seed, steps, batchSize },
    evaluation: { ...config.evaluation, everySteps: rows > 0 ? steps : 0, rows },
    // The gauge of gradients takes a backward pass for every term: time that other methods do not spend.
    probe: { row: probe, everySteps, gradientRatio: false },
  };
};

/** What the term "ce" was multiplied by; 0 when a method has no cross entropy at all. */
export const crossEntropyWeight = ({ method }: RunConfig): number =>
  "kdRate" in method ? 1 - method.kdRate : 1;

const curvesOf = (live: RunHistory, config: RunConfig) => {
  const weight = crossEntropyWeight(config);
  const ms = live.column("ms").reduce((sum, one) => sum + one, 0);
  return {
    loss: [...live.column("loss")],
    crossEntropy: weight > 0 ? Array.from(live.term("ce"), (value) => value / weight) : [],
    seconds: ms / 1000,
  };
};

export function createComparison(app: App): Comparison {
  const store = createStore<CompareState>(() => ({ budget: START, runs: [], running: false }));
  const set = (index: number, part: Partial<ComparedRun>) =>
    store.setState(({ runs }) => ({ runs: runs.map((run, i) => (i === index ? { ...run, ...part } : run)) }));

  /** Until it is so, or the comparison was stopped: false. */
  const until = (isSo: () => boolean) =>
    new Promise<boolean>((resolve) => {
      const look = () => {
        const stopped = !store.getState().running;
        if (!stopped && !isSo()) return;
        for (const leave of subscriptions) leave();
        resolve(!stopped);
      };
      const subscriptions = [app.store, store, app.live].map((heard) => heard.subscribe(look));
      look();
    });
  const standsAt = (...states: readonly RunStatus[]) => {
    const { status, awaiting } = app.store.getState().run;
    return awaiting === undefined && states.includes(status);
  };

  async function one(index: number, { config }: ComparedRun): Promise<void> {
    const { budget } = store.getState();
    set(index, { status: "running" });
    app.store.setState({ draft: draftFor(config) });
    app.actions.load();
    if (!(await until(() => standsAt("ready", "failed")))) return set(index, { status: "waiting" });
    const follow = app.store.subscribe(({ run }, { run: before }) => {
      if (run.last !== before.last) set(index, curvesOf(app.live, config));
    });
    const whole = standsAt("ready") && (await train(budget)) && (await score(budget));
    follow();
    if (!store.getState().running) {
      app.actions.pause();
      return set(index, { status: "waiting" });
    }
    const { problem, run } = app.store.getState();
    const failure = problem?.kind === "failure" ? `${problem.failure.what} ${problem.failure.why}` : "";
    const last = app.live.evaluations.at(-1);
    set(index, {
      ...curvesOf(app.live, config),
      status: whole ? "done" : "failed",
      accuracy: last && last.step === run.step ? last.correct / last.total : undefined,
      plans: run.pastPlans,
      answers: run.answers,
      failure: whole ? "" : failure,
    });
  }

  /** All steps, or those that the seconds allow: whether it got there. */
  async function train({ limit, seconds }: Budget): Promise<boolean> {
    app.actions.play();
    const spent = () => app.live.column("ms").reduce((sum, ms) => sum + ms, 0) >= seconds * 1000;
    const over = () => standsAt("finished", "failed");
    if (!(await until(() => over() || (limit === "seconds" && spent())))) return false;
    if (!over()) {
      app.actions.pause();
      if (!(await until(() => standsAt("paused", "finished", "failed")))) return false;
    }
    return !standsAt("failed");
  }

  /** Answers and score of the last step: a run that was cut off by the clock has none yet. */
  async function score({ rows }: Budget): Promise<boolean> {
    const scored = () => {
      const { step, answers } = app.store.getState().run;
      return answers?.step === step && (rows === 0 || app.live.evaluations.at(-1)?.step === step);
    };
    if (!scored()) app.actions.evaluate();
    return (await until(() => scored() || standsAt("failed"))) && scored();
  }

  return {
    store,
    change: (part) => store.setState(({ budget }) => ({ budget: { ...budget, ...part }, runs: [] })),
    async start() {
      const { budget } = store.getState();
      // Seed by seed, so that a comparison that is stopped early is still one.
      const runs = budget.seeds.flatMap((seed) =>
        budget.presets.map((preset): ComparedRun => {
          const config = configOf(preset, seed, budget);
          return { preset, seed, config, status: "waiting", ...BLANK };
        }),
      );
      store.setState({ runs, running: true });
      for (const [index, run] of runs.entries()) if (store.getState().running) await one(index, run);
      store.setState({ running: false });
    },
    stop: () => store.setState({ running: false }),
  };
}

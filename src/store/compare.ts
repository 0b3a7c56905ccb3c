// Several methods under one budget: every method with every seed, on the same rows and steps, one run after another.
// The comparison has an app and an engine of its own, so that the run of Distill, its settings and what is kept of it
// stay as they are. What is finished stays finished: another method, another seed or another visit only adds to it.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { RunStatus } from "../client";
import type { RunConfig } from "../config/run";
import type { App } from "./app";
import { configOf, crossEntropyWeight, FIRST_BUDGET, runKey, type Budget } from "./compare-budget";
import { forgetRuns, keepBudget, keepRun, MOST_KEPT, readComparison } from "./compare-keep";
import type { ComparedRun } from "./compared-run";
import { draftFor } from "./draft";
import type { RunHistory } from "./history";
import type { KeptFolders } from "./kept-files";

interface CompareState {
  readonly budget: Budget;
  /** What the budget asks for, seed by seed: done, failed or waiting. Empty until one of them has been run. */
  readonly runs: readonly ComparedRun[];
  /** All finished runs, those of other budgets too, oldest first. */
  readonly finished: readonly ComparedRun[];
  readonly running: boolean;
  /** Why results are not kept for the next visit, if they are not. */
  readonly keepIssue: string | undefined;
  /** Results of earlier visits that cannot be read any more. */
  readonly unreadable: number;
}

export interface Comparison {
  readonly store: StoreApi<CompareState>;
  /** Bring back what an earlier visit finished, and what other tabs have finished since. */
  open(): Promise<void>;
  change(part: Partial<Budget>): void;
  /** Run what is waiting or failed; `again`: what is done, too. */
  start(again?: boolean): Promise<void>;
  /** After the step at hand; what is done stays. */
  stop(): void;
  /** Back to the budget of the runs that finished last. */
  showFinished(): void;
  /** Forget every result. */
  clear(): void;
}

export interface ComparisonParts {
  /** Of the comparison alone: it loads and plays as it needs. */
  readonly app: App;
  /** Start the app's engine; the comparison calls it before its first run. */
  readonly openEngine: () => void;
  /** Let its memory go, after the last. */
  readonly closeEngine: () => void;
  /** Where results are kept between visits; without it they are not. */
  readonly files?: KeptFolders;
}

const BLANK = {
  ...{ loss: [], crossEntropy: [], accuracy: undefined, scored: undefined, seconds: 0 },
  ...{ plans: {}, answers: undefined, failure: "", finishedAt: 0 },
};

/** Every method with every seed; seed by seed, so that a comparison that is stopped early is still one. */
function runsOf(budget: Budget, known: readonly ComparedRun[]): readonly ComparedRun[] {
  return budget.seeds.flatMap((seed) =>
    budget.presets.map((preset): ComparedRun => {
      const config = configOf(preset, seed, budget);
      const key = runKey(config, budget);
      const before = known.find((run) => run.key === key && run.preset === preset);
      return before ?? { key, preset, seed, budget, config, status: "waiting", ...BLANK };
    }),
  );
}

const same = (a: ComparedRun, b: ComparedRun): boolean => a.key === b.key && a.preset === b.preset;

/** Before the first Compare there is nothing to list. */
const begun = (runs: readonly ComparedRun[]): readonly ComparedRun[] =>
  runs.some(({ status }) => status !== "waiting") ? runs : [];

const curvesOf = (live: RunHistory, config: RunConfig) => {
  const weight = crossEntropyWeight(config);
  const ms = live.column("ms").reduce((sum, one) => sum + one, 0);
  return {
    loss: [...live.column("loss")],
    crossEntropy: weight > 0 ? Array.from(live.term("ce"), (value) => value / weight) : [],
    seconds: ms / 1000,
  };
};

export function createComparison({ app, openEngine, closeEngine, files }: ComparisonParts): Comparison {
  const store = createStore<CompareState>(() => ({
    ...{ budget: FIRST_BUDGET, runs: [], finished: [], running: false, keepIssue: undefined, unreadable: 0 },
  }));
  const set = (index: number, part: Partial<ComparedRun>) =>
    store.setState(({ runs }) => ({ runs: runs.map((run, i) => (i === index ? { ...run, ...part } : run)) }));
  const train = createTraining(app, store);

  /** One after another; never rejects: what went wrong is said. */
  let writing: Promise<void> = Promise.resolve();
  const keep = (work: (to: KeptFolders) => Promise<void>): Promise<void> => {
    if (!files) return Promise.resolve();
    writing = writing
      .then(() => work(files))
      .then(() => store.setState({ keepIssue: undefined }))
      .catch((error: unknown) =>
        store.setState({ keepIssue: error instanceof Error ? error.message : String(error) }),
      );
    return writing;
  };

  /** Done is what is kept: whoever sees the word may reload. */
  async function finish(index: number, part: Partial<ComparedRun>): Promise<void> {
    const begun = store.getState().runs[index];
    if (!begun) return;
    const run: ComparedRun = { ...begun, ...part, finishedAt: Date.now() };
    const others = store.getState().finished.filter((one) => !same(one, run));
    const all = [...others, run];
    const gone = all.slice(0, -MOST_KEPT);
    await keep(async (to) => {
      await keepBudget(to, store.getState().budget);
      await keepRun(to, run);
      await forgetRuns(to, gone);
    });
    store.setState({ finished: all.slice(-MOST_KEPT) });
    set(index, run);
  }

  /** A worker that died takes its run with it, not the ones after it. */
  function reopen(): void {
    closeEngine();
    app.store.setState({ device: { kind: "opening" } });
    openEngine();
  }

  function change(part: Partial<Budget>): void {
    const { budget: before, runs, finished } = store.getState();
    const budget = { ...before, ...part };
    store.setState({ budget, runs: begun(runsOf(budget, [...runs, ...finished])) });
    if (finished.length > 0) void keep((to) => keepBudget(to, budget));
  }

  return {
    store,
    async open() {
      try {
        await writing;
        const kept = files && (await readComparison(files));
        const { running, runs, finished } = store.getState();
        if (!kept || running) return;
        const first = runs.length === 0 && finished.length === 0;
        const budget = first ? kept.budget : store.getState().budget;
        const mine = finished.filter((run) => !kept.finished.some((one) => same(one, run)));
        const all = [...mine, ...kept.finished].toSorted((a, b) => a.finishedAt - b.finishedAt);
        const shown = begun(runsOf(budget, [...all, ...runs.filter(({ status }) => status === "failed")]));
        store.setState({ budget, finished: all, unreadable: kept.unreadable, runs: shown });
      } catch (error) {
        store.setState({ keepIssue: error instanceof Error ? error.message : String(error) });
      }
    },
    change,
    async start(again = false) {
      const { budget, finished } = store.getState();
      const runs = runsOf(budget, again ? [] : finished);
      store.setState({ runs, running: true });
      if (runs.some(({ status }) => status === "waiting")) openEngine();
      for (const [index, run] of runs.entries()) {
        if (run.status !== "waiting" || !store.getState().running) continue;
        if (app.store.getState().device.kind === "crashed") reopen();
        set(index, { status: "running" });
        const result = await train(run, (part) => set(index, part));
        if (result.status === "done") await finish(index, result);
        else set(index, result);
      }
      closeEngine();
      store.setState({ running: false });
    },
    stop: () => store.setState({ running: false }),
    showFinished() {
      const last = store.getState().finished.at(-1);
      if (last) change(last.budget);
    },
    clear() {
      const { finished: gone } = store.getState();
      store.setState({ runs: [], finished: [], unreadable: 0 });
      void keep((to) => forgetRuns(to, gone));
    },
  };
}

/** One run from loading to its score: what came out, also when it was stopped or failed. */
function createTraining(app: App, store: StoreApi<CompareState>) {
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
  const noDevice = () => app.store.getState().device.kind === "none";

  /** All steps, or those that the seconds allow: whether it got there. */
  async function play({ limit, seconds }: Budget): Promise<boolean> {
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

  return async ({ config }: ComparedRun, report: (part: Partial<ComparedRun>) => void) => {
    const { budget } = store.getState();
    app.store.setState({ draft: draftFor(config), problem: undefined });
    app.actions.load();
    const waiting = { status: "waiting", ...BLANK } as const;
    if (!(await until(() => noDevice() || standsAt("ready", "failed")))) return waiting;
    const follow = app.store.subscribe(({ run }, { run: before }) => {
      if (run.last !== before.last) report(curvesOf(app.live, config));
    });
    const whole = standsAt("ready") && (await play(budget)) && (await score(budget));
    follow();
    if (!store.getState().running) return waiting;
    const { run } = app.store.getState();
    const last = app.live.evaluations.at(-1);
    const scored = last && last.step === run.step ? last : undefined;
    return {
      ...curvesOf(app.live, config),
      status: whole ? "done" : "failed",
      accuracy: scored && scored.correct / scored.total,
      scored: scored?.total,
      plans: run.pastPlans,
      answers: run.answers,
      failure: whole ? "" : failureOf(app),
    } as const;
  };
}

function failureOf(app: App): string {
  const { problem, device } = app.store.getState();
  if (problem?.kind === "failure") return `${problem.failure.what} ${problem.failure.why}`;
  if (problem?.kind === "crash") return problem.detail;
  return device.kind === "none" ? device.detail : "";
}

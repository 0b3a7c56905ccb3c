// Events in, state out: a pure function, so that any sequence of events can be replayed in a test.
import type { EngineEvent } from "../client";
import type { EvaluationRecord, PlanRecord, StepRecord } from "../telemetry";
import { draftFor, sameConfig } from "./draft";
import type { AppState, LiveRun, Plans } from "./state";

const LOG_LINES = 200;
/** Enough for a steady median, few enough to follow a tab that slows down. */
const RECENT_STEPS = 20;
/** Weight of the newest step in the running mean of the time per step. */
const PACE_SMOOTHING = 0.2;

/** Events that come at the engine's rate: the store commits them at most four times a second. */
export function isFrequent(event: EngineEvent): boolean {
  return ["steps", "plan", "answers", "written", "evaluation", "progress", "log"].includes(event.type);
}

export function reduce(state: AppState, event: EngineEvent): AppState {
  switch (event.type) {
    case "device":
      return { ...state, device: { kind: "open", adapter: event.adapter }, hadDevice: true };
    case "no-gpu":
      return {
        ...withRun(state, { progress: undefined, awaiting: undefined }),
        device: { kind: "none", reason: event.reason, detail: event.detail },
      };
    case "progress": {
      const { stage, done, total } = event;
      return withRun(state, { progress: { stage, done, total } });
    }
    case "status":
      return withLog(
        { ...state, run: onStatus(state.run, event.status, event.step) },
        `${STATUS_WORDS[event.status]}${event.step > 0 ? ` at step ${event.step}` : ""}`,
      );
    case "facts":
      return onFacts(state, event);
    case "steps":
      return onSteps(state, event.records);
    case "plan": {
      const newer: Plans = Object.fromEntries(event.plans.map((plan) => [plan.layer, plan]));
      const pastPlans = event.plans.reduce(withPast, state.run.pastPlans);
      return withRun(state, { plans: { ...state.run.plans, ...newer }, pastPlans });
    }
    case "answers":
      return withRun(state, { answers: event.answers });
    case "written":
      return withRun(state, { written: event.written });
    case "evaluation":
      return onEvaluation(state, event.evaluation);
    case "exported":
      return { ...state, exported: { name: event.name, zip: event.zip } };
    case "export-refused":
      return { ...state, exported: { why: event.why } };
    case "memory-plan":
      return { ...state, memoryPlan: { config: event.config, plan: event.plan } };
    case "profile":
      return withRun(state, { profile: event.profile, measuring: undefined });
    case "pace":
      return withRun(state, { pace: event.pace, measuring: undefined });
    case "benchmark":
      return { ...state, benchmark: event.results, benchmarking: false };
    case "silence": // the supervisor's
    case "checkpoint":
    case "restored":
      return state; // who asked for it takes it from the client
    case "failure":
      return {
        ...withLog(
          withRun(state, { progress: undefined, awaiting: undefined, measuring: undefined }),
          event.failure.what,
        ),
        benchmarking: false,
        problem: { kind: "failure", failure: event.failure },
      };
    case "crash":
      return onCrash(state, event.detail);
    case "log":
      return withLog(state, event.text);
    default:
      event satisfies never;
      return state;
  }
}

const withRun = (state: AppState, change: Partial<LiveRun>): AppState => ({
  ...state,
  run: { ...state.run, ...change },
});

/** In the log's own words: it is a record, not a label. */
const STATUS_WORDS = {
  empty: "no run",
  loading: "loading",
  ready: "ready",
  running: "running",
  paused: "paused",
  finished: "finished",
  failed: "stopped",
} as const;

const withLog = (state: AppState, line: string): AppState =>
  state.run.log.at(-1) === line ? state : withRun(state, { log: [...state.run.log, line].slice(-LOG_LINES) });

function onEvaluation(state: AppState, evaluation: EvaluationRecord): AppState {
  const { correct, total, step } = evaluation;
  const line = `step ${step}: ${correct} of ${total} held-out answers right`;
  return withLog(withRun(state, { evaluation }), line);
}

function onStatus(run: LiveRun, status: LiveRun["status"], step: number): LiveRun {
  const next = { ...run, status, step, awaiting: undefined };
  if (status === "loading")
    return {
      ...next,
      facts: undefined,
      last: undefined,
      stepsPerSecond: undefined,
      recentMs: [],
      stepsSinceLoad: 0,
      profile: undefined,
      pace: undefined,
      measuring: undefined,
      plans: {},
      pastPlans: {},
      answers: undefined,
      written: undefined,
      evaluation: undefined,
    };
  // A run that went back has no records after `step`.
  const past = <T extends { readonly step: number }>(record: T | undefined) =>
    record && record.step <= step ? record : undefined;
  return {
    ...next,
    progress: undefined,
    last: past(run.last),
    evaluation: past(run.evaluation),
    answers: past(run.answers),
    written: past(run.written),
    plans: Object.fromEntries(Object.entries(run.plans).filter(([, plan]) => plan.step <= step)),
    pastPlans: Object.fromEntries(
      Object.entries(run.pastPlans).map(([layer, plans]) => [layer, plans.filter((p) => p.step <= step)]),
    ),
  };
}

function onSteps(state: AppState, records: readonly StepRecord[]): AppState {
  const last = records.at(-1);
  if (!last) return state;
  const stepsPerSecond = pace(state.run.stepsPerSecond, records);
  const { stepsSinceLoad, recentMs } = state.run;
  const warm = records.slice(stepsSinceLoad === 0 ? 1 : 0).map(({ ms }) => ms);
  return withRun(state, {
    ...{ last, step: last.step, stepsPerSecond, progress: undefined },
    stepsSinceLoad: stepsSinceLoad + records.length,
    recentMs: [...recentMs, ...warm].slice(-RECENT_STEPS),
  });
}

/** Steps per second from the mean time of recent steps: what a person waits for, not an instant. */
function pace(before: number | undefined, records: readonly StepRecord[]): number | undefined {
  let ms = before === undefined ? undefined : 1000 / before;
  for (const record of records) {
    if (!(record.ms > 0)) continue;
    ms = ms === undefined ? record.ms : ms + PACE_SMOOTHING * (record.ms - ms);
  }
  return ms === undefined ? undefined : 1000 / ms;
}

function onCrash(state: AppState, detail: string): AppState {
  const device = state.device.kind === "none" ? state.device : ({ kind: "crashed" } as const);
  const idle = { progress: undefined, awaiting: undefined, measuring: undefined };
  const run = { ...state.run, ...idle, status: "failed" } as const;
  return { ...state, device, run, problem: { kind: "crash", detail } };
}

const MOST_PLANS = 160;

/** A plan replaces those of its step and after it (the run went back); every second goes when there are too many. */
function withPast(past: LiveRun["pastPlans"], plan: PlanRecord): LiveRun["pastPlans"] {
  const kept = (past[plan.layer] ?? []).filter(({ step }) => step < plan.step);
  const thinned = kept.length < MOST_PLANS ? kept : kept.filter((_, i) => i % 2 === 0);
  return { ...past, [plan.layer]: [...thinned, plan] };
}

/** A checkpoint brings its own settings: the form follows what was loaded. */
function onFacts(state: AppState, { facts, config }: Extract<EngineEvent, { type: "facts" }>): AppState {
  const next = withRun(state, { facts });
  if (!config || sameConfig(config, state.run.config)) return next;
  return { ...withRun(next, { config, probe: config.probe.row }), draft: draftFor(config) };
}

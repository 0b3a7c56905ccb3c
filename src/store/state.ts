// What the page knows and a person can read or change. Numbers that arrive at the engine's rate live in
// the histories instead (history.ts); here there are only summaries of them.
import type { AdapterFacts, Command, Failure, NoGpuReason, RunStatus } from "../client";
import type { RunConfig } from "../config/run";
import type {
  AnswerRecord,
  WrittenRecord,
  BenchmarkRecord,
  MemoryPlan,
  PaceRecord,
  EvaluationRecord,
  PlanRecord,
  RunFacts,
  StepProfile,
  StepRecord,
} from "../telemetry";
import type { ColorScale } from "../figure";
import { draftOf, type Draft } from "./draft";
import { type Keeping, NOTHING_KEPT } from "./keeping";
import type { KeepReason } from "./kept-files";
import type { RecordedRun } from "./recorded";

/** A site of transport, as plans and terms name it. */
export type Layer = PlanRecord["layer"];
export type Plans = Readonly<Record<Layer, PlanRecord>>;
/** Which run the panels show. */
export type Source = "recorded" | "live";
export type Theme = "system" | "light" | "dark";

export type DeviceState =
  | { readonly kind: "opening" }
  | { readonly kind: "open"; readonly adapter: AdapterFacts }
  | { readonly kind: "none"; readonly reason: NoGpuReason; readonly detail: string }
  | { readonly kind: "crashed" };

export type Problem =
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "crash"; readonly detail: string };

interface Progress {
  readonly stage: string;
  readonly done: number;
  /** 0 when unknown. */
  readonly total: number;
}

export type AfterLoad =
  | { readonly type: "play"; readonly until?: number | undefined }
  | { readonly type: "step" };

/** The engine's run, as last heard. */
export interface LiveRun {
  readonly status: RunStatus;
  readonly step: number;
  /** The config that was sent with the last `load`. */
  readonly config: RunConfig | undefined;
  readonly facts: RunFacts | undefined;
  readonly progress: Progress | undefined;
  readonly last: StepRecord | undefined;
  readonly stepsPerSecond: number | undefined;
  readonly plans: Plans;
  /** Earlier plans of the same row by layer, oldest first, thinned as they grow many. */
  readonly pastPlans: Readonly<Record<Layer, readonly PlanRecord[]>>;
  readonly answers: AnswerRecord | undefined;
  readonly written: WrittenRecord | undefined;
  readonly evaluation: EvaluationRecord | undefined;
  readonly probe: number;
  readonly log: readonly string[];
  /** Milliseconds of its last steps, without those that compiled: the first after loading. */
  readonly recentMs: readonly number[];
  /** Steps taken since it was loaded, which is where `recentMs` begins to count. */
  readonly stepsSinceLoad: number;
  readonly profile: StepProfile | undefined;
  readonly pace: PaceRecord | undefined;
  /** What is being timed. */
  readonly measuring: "profile" | "pace" | undefined;
  /** What to do once the run that is being loaded is ready. */
  readonly afterLoad: AfterLoad | undefined;
  /** The command that was sent and not yet answered by a status. */
  readonly awaiting: Command["type"] | undefined;
}

type Recorded =
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly run: RecordedRun }
  | { readonly kind: "failed"; readonly detail: string };

/** A plan solved again on the CPU with another ε; `plan` is undefined until the first answer. */
interface Exploration {
  /** Times the mean cost. */
  readonly epsilon: number;
  /** The record whose cost matrix was taken. */
  readonly of: PlanRecord;
  readonly plan: PlanRecord | undefined;
  readonly error: string | undefined;
}

/** What is known of a kept run before it is opened. */
export interface LastSession {
  readonly id: string;
  readonly step: number;
  readonly steps: number;
  readonly method: string;
  readonly seed: number;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
}

export interface AppState {
  readonly device: DeviceState;
  readonly run: LiveRun;
  /** The settings form. */
  readonly draft: Draft;
  readonly recorded: Recorded;
  readonly problem: Problem | undefined;
  /** What the opened link asked for and cannot have, one line each. */
  readonly linkIssues: readonly string[];
  readonly source: Source;
  /** The chosen site; a run without it shows its first: see `shownLayer`. */
  readonly layer: Layer;
  /** The plan of this step is shown; undefined: the newest. */
  readonly planStep: number | undefined;
  readonly exploration: Exploration | undefined;
  readonly theme: Theme;
  readonly colorScale: ColorScale;
  /** A finished export that waits to be saved. */
  readonly exported:
    | { readonly name: string; readonly zip: Uint8Array }
    | { readonly why: string }
    | undefined;
  /** A run of an earlier visit that can go on. */
  readonly lastSession: LastSession | undefined;
  /** The memory of some config, planned without loading it. */
  readonly memoryPlan: { readonly config: RunConfig; readonly plan: MemoryPlan } | undefined;
  readonly benchmark: readonly BenchmarkRecord[] | undefined;
  readonly benchmarking: boolean;
  readonly keeping: Keeping;
  /** Seconds since the engine last answered, once these are many; 0: it answers. */
  readonly silence: number;
  /** It was asked to pause some seconds ago, and has not. */
  readonly overdue: boolean;
  /** This page has had a GPU device: one that is missing now was lost. */
  readonly hadDevice: boolean;
  /** Why runs are not kept for the next visit, if they are not. */
  readonly keepIssue: { readonly reason: KeepReason; readonly detail: string } | undefined;
  /** Notes about the adapter that were put away. */
  readonly hiddenNotes: readonly string[];
}

const emptyRun: LiveRun = {
  status: "empty",
  step: 0,
  config: undefined,
  facts: undefined,
  progress: undefined,
  last: undefined,
  stepsPerSecond: undefined,
  plans: {},
  pastPlans: {},
  answers: undefined,
  written: undefined,
  evaluation: undefined,
  probe: 0,
  log: [],
  recentMs: [],
  stepsSinceLoad: 0,
  profile: undefined,
  pace: undefined,
  measuring: undefined,
  afterLoad: undefined,
  awaiting: undefined,
};

export const initialState: AppState = {
  device: { kind: "opening" },
  run: emptyRun,
  draft: draftOf("first-light"),
  recorded: { kind: "loading" },
  problem: undefined,
  linkIssues: [],
  source: "recorded",
  layer: "embedding",
  planStep: undefined,
  exploration: undefined,
  theme: "system",
  colorScale: "sqrt",
  exported: undefined,
  lastSession: undefined,
  keeping: NOTHING_KEPT,
  silence: 0,
  overdue: false,
  hadDevice: false,
  keepIssue: undefined,
  hiddenNotes: [],
  memoryPlan: undefined,
  benchmark: undefined,
  benchmarking: false,
};

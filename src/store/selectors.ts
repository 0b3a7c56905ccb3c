// Questions that several panels ask of the state.
import type { AnswerRecord, EvaluationRecord, PlanRecord, StepRecord } from "../telemetry";
import { type Draft, draftFields, draftFor, fieldText, validateDraft, sameConfig } from "./draft";
import type { RunHistory } from "./history";
import type { AppState, Layer } from "./state";

/** The sites of the shown run's plans, in its own order. */
export function shownSites({ source, run, recorded }: AppState): readonly Layer[] {
  if (source === "live") return Object.keys({ ...run.pastPlans, ...run.plans });
  if (recorded.kind !== "ready") return [];
  return [...new Set(recorded.run.plans.map(({ layer }) => layer))];
}

/** The chosen site, or the run's first when it has no such site. */
export function shownLayer(state: AppState): Layer {
  const sites = shownSites(state);
  return sites.includes(state.layer) ? state.layer : (sites[0] ?? state.layer);
}

/** The record of the shown run and layer, as the run made it. */
export function shownRecord(state: AppState, layer: Layer = shownLayer(state)): PlanRecord | undefined {
  const { planStep } = state;
  const newest = state.source === "live" ? state.run.plans[layer] : undefined;
  if (newest && planStep === undefined) return newest;
  return storedPlans(state, layer).findLast(({ step }) => planStep === undefined || step <= planStep);
}

/** The plans of the shown run that can be gone back to, oldest first. */
export function storedPlans(state: AppState, layer: Layer = shownLayer(state)): readonly PlanRecord[] {
  if (state.source === "live") return state.run.pastPlans[layer] ?? [];
  if (state.recorded.kind !== "ready") return [];
  return state.recorded.run.plans.filter((plan) => plan.layer === layer);
}

/** The plan to draw: the run's, or the one solved again with another epsilon. */
export function shownPlan(state: AppState): PlanRecord | undefined {
  return state.exploration?.plan ?? shownRecord(state);
}

export function shownAnswers(state: AppState): AnswerRecord | undefined {
  if (state.source === "live") return state.run.answers;
  return state.recorded.kind === "ready" ? state.recorded.run.answers.at(-1) : undefined;
}

export function shownStep(state: AppState): StepRecord | undefined {
  if (state.source === "live") return state.run.last;
  return state.recorded.kind === "ready" ? state.recorded.run.steps.at(-1) : undefined;
}

/** The record of the step that the shown plan is of: none before training. */
export function stepOfPlan(state: AppState, live: Pick<RunHistory, "records">): StepRecord | undefined {
  const { planStep, source, recorded } = state;
  if (planStep === undefined) return shownStep(state);
  const steps = source === "live" ? live.records : recorded.kind === "ready" ? recorded.run.steps : [];
  return steps.findLast(({ step }) => step <= planStep);
}

export function shownEvaluation(state: AppState): EvaluationRecord | undefined {
  if (state.source === "live") return state.run.evaluation;
  return state.recorded.kind === "ready" ? state.recorded.run.evaluations.at(-1) : undefined;
}

export const canPlay = ({ run }: AppState): boolean => run.status === "ready" || run.status === "paused";

/** Settings differ from the run's, so that they take effect only after a restart. */
export const needsApply = (state: AppState): boolean => {
  const { config } = validateDraft(state.draft);
  return !sameConfig(config, state.run.config);
};

/** What the form says and the loaded run does not, in the form's order. */
export function pendingChanges({ draft, run }: AppState): { readonly path: string; readonly text: string }[] {
  if (!run.config || sameConfig(validateDraft(draft).config, run.config)) return [];
  const loaded = draftFor(run.config);
  return draftFields(draft).flatMap(({ path }) => {
    const text = fieldText(draft, path);
    return text === undefined || text === fieldText(loaded, path) ? [] : [{ path, text }];
  });
}

/**
 * What the buttons that train would do: go on with the loaded run, or load what the form says and train that. A form
 * that differs from the loaded run is never passed over in silence.
 */
export interface NextTraining {
  readonly trains: "loaded" | "form";
  /** A run that has been trained would be left for it. */
  readonly restarts: boolean;
  readonly usable: boolean;
}

export function nextTraining(state: AppState): NextTraining {
  const { run, draft, device } = state;
  const idle = run.awaiting === undefined && run.afterLoad === undefined;
  const pending = run.config !== undefined && needsApply(state);
  if (!pending) return { trains: "loaded", restarts: false, usable: canPlay(state) && idle };
  const usable = idle && device.kind === "open" && validateDraft(draft).config !== undefined;
  return { trains: "form", restarts: run.step > 0, usable };
}

/** A run that would be lost by loading another: one that has taken a step, or is about to. */
export const isUnderWay = ({ run }: AppState): boolean =>
  run.step > 0 || run.status === "running" || run.afterLoad !== undefined;

/** How long the rest of a run would take, and what that rests on. */
export interface Estimate {
  readonly msPerStep: number;
  readonly seconds: number;
  /** Steps left. */
  readonly steps: number;
  /** How many steps the median is of. */
  readonly measured: number;
  /** The run's own last steps when undefined; else steps that were taken back, after one that took this long. */
  readonly warmUpMs: number | undefined;
}

/** Fewer say little: one slow step would be the whole answer. */
const LEAST_MEASURED = 3;

export function timeEstimate({ run }: AppState): Estimate | undefined {
  if (!run.config) return undefined;
  const own = run.recentMs.length >= LEAST_MEASURED;
  const times = own ? run.recentMs : run.pace?.ms;
  if (!times || times.length < LEAST_MEASURED) return undefined;
  const sorted = times.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const msPerStep = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  const steps = Math.max(0, run.config.steps - run.step);
  const warmUpMs = own ? undefined : run.pace?.warmUpMs;
  return { msPerStep, seconds: (steps * msPerStep) / 1000, steps, measured: times.length, warmUpMs };
}

/** The edits that make kept rows the run's data: rows without a chain of thought are read plainly. */
export function editsForRows(
  draft: Draft,
  key: string,
  cot: boolean,
): (readonly [path: string, text: string])[] {
  const crossed = !cot && fieldText(draft, "method.crossCot") === "true";
  return [
    ["data.source", key],
    ...(cot ? [] : [["data.view", "plain"] as const]),
    ...(crossed ? [["method.crossCot", "false"] as const] : []),
  ];
}

/** Seconds until the last step at the present pace. */
export function secondsLeft({ run }: AppState): number | undefined {
  if (!run.config || !run.stepsPerSecond) return undefined;
  return Math.max(0, run.config.steps - run.step) / run.stepsPerSecond;
}

// What a comparison says: a table with mean and deviation, bands of curves, settings that differ, plans at one step.
import type { RunConfig } from "../config/run";
import type { PlanRecord } from "../telemetry";
import type { ComparedRun } from "./compared-run";
import { draftFields, draftFor, fieldText, type PresetId } from "./draft";

export interface Summary {
  readonly preset: PresetId;
  readonly runs: number;
  readonly steps: Spread;
  readonly loss: Spread;
  readonly crossEntropy: Spread;
  readonly accuracy: Spread;
  /** Held-out rows that each run was scored on; several numbers only when rows ran out differently. */
  readonly scored: readonly number[];
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
      steps: spread(done.map(({ loss }) => loss.length)),
      loss: tail(({ loss }) => loss),
      crossEntropy: tail(({ crossEntropy }) => crossEntropy),
      accuracy: spread(done.flatMap(({ accuracy }) => accuracy ?? [])),
      scored: [...new Set(done.flatMap(({ scored }) => scored ?? []))],
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

/** A curve of several runs: at each step the runs that got there. */
export interface Band {
  readonly mean: readonly number[];
  /** Mean ± sample deviation; NaN where there is one run. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export function bandOf(curves: readonly (readonly number[])[]): Band {
  const steps = Math.max(0, ...curves.map((curve) => curve.length));
  const at = Array.from({ length: steps }, (_, i) => spread(curves.flatMap((curve) => curve[i] ?? [])));
  return {
    mean: at.map((s) => s.mean),
    low: at.map((s) => s.mean - s.deviation),
    high: at.map((s) => s.mean + s.deviation),
  };
}

export interface SettingDifference {
  /** The setting's path in the config. */
  readonly path: string;
  /** One for each config; undefined: it has no such setting. */
  readonly texts: readonly (string | undefined)[];
}

/** The settings in which these configs are not all alike, in the form's order. */
export function differences(configs: readonly RunConfig[]): SettingDifference[] {
  const drafts = configs.map(draftFor);
  const paths = new Set(drafts.flatMap((draft) => draftFields(draft).map(({ path }) => path)));
  return [...paths]
    .map((path) => ({ path, texts: drafts.map((draft) => fieldText(draft, path)) }))
    .filter(({ texts }) => new Set(texts).size > 1);
}

/** The newest plan of a site up to a step. */
export const planAt = ({ plans }: ComparedRun, site: string, step: number): PlanRecord | undefined =>
  plans[site]?.findLast((plan) => plan.step <= step);

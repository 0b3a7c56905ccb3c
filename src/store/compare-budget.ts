// What a comparison gives to each of its runs, and the run config that follows from it.
import { BUNDLED_DATA } from "../config/bundled";
import type { Labels } from "../config/labels";
import { PRESETS } from "../config/presets";
import { splitSeedOf, type RunConfig } from "../config/run";
import { canonical, type PresetId } from "./draft";

/** Whose models and rows are compared on; the seed is what own rows are split by. */
export type Setting = Pick<RunConfig, "teacher" | "student" | "data" | "seed">;

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
  /** What is done to the training rows' labels, for every method that learns from them. */
  readonly labels: Labels;
  /** Share of what is not cross entropy, of every method that has one. */
  readonly share: number;
  /** Held-out rows scored at the end. */
  readonly rows: number;
  /** The held-out row whose plans and answers are kept. */
  readonly probe: number;
}

/**
 * The page's first comparison is one in which the teacher knows something that the rows do not: labels that err (docs/STUDY.md).
 * About a minute on a GPU.
 */
export const FIRST_BUDGET: Budget = {
  presets: ["sft", "alm", "shared-vocabulary", "cot2align-alm"],
  ...{ seeds: [1], limit: "steps", steps: 300, seconds: 60, batchSize: 16 },
  ...{ labels: { noisy: 0.5 }, share: 0.9, rows: 200, probe: 0 },
};

/** Chains of rows that are not bundled cannot be walked again with errors: those keep their labels. */
export const labelsOf = ({ labels, setting }: Pick<Budget, "labels" | "setting">): Labels =>
  setting && !isBundled(setting) && labels !== "all" && "noisy" in labels ? "all" : labels;

export const isBundled = ({ data }: Pick<Setting, "data">): boolean =>
  BUNDLED_DATA.some((id) => id === data.source);

/** Plans kept of a run whose steps are known; enough for a scrubber. */
const PLANS = 10;

/** The preset on the setting's models and rows; what a preset teaches by itself (KD, DSKD) still does. */
function presetOn({ setting }: Budget, preset: PresetId): RunConfig {
  const config: RunConfig = PRESETS[preset].config;
  if (!setting) return config;
  const { outputs, records } = config.data;
  return {
    ...config,
    teacher: config.teacher === config.student ? setting.student : setting.teacher,
    student: setting.student,
    // One split for all seeds, the one that Data shows and a run in Distill takes: the same rows held out everywhere.
    data: {
      ...setting.data,
      outputs,
      records,
      ...(!isBundled(setting) && { splitSeed: splitSeedOf(setting) }),
    },
  };
}

export const configOf = (preset: PresetId, seed: number, budget: Budget): RunConfig => {
  const config = presetOn(budget, preset);
  const { steps, batchSize, rows, limit, probe, share } = budget;
  const { data, method } = config;
  // Where the teacher writes every answer, no label is left to be taken away or to err.
  const labels = data.outputs === "gold" ? labelsOf(budget) : "all";
  const everySteps = limit === "steps" ? Math.max(1, Math.ceil(steps / PLANS)) : 10;
  return {
    ...config,
    ...{ seed, steps, batchSize },
    data: { ...data, labels },
    method: "kdRate" in method ? { ...method, kdRate: share } : method,
    evaluation: { ...config.evaluation, everySteps: rows > 0 ? steps : 0, rows },
    // The gauge of gradients takes a backward pass for every term: time that other methods do not spend.
    probe: { row: probe, everySteps, gradientRatio: false },
  };
};

/** Two runs with the same key are the same run: its config, and the clock where that ends it. */
export const runKey = (config: RunConfig, { limit, seconds }: Pick<Budget, "limit" | "seconds">): string =>
  canonical(limit === "seconds" ? { config, seconds } : { config });

/** What the term "ce" was multiplied by; 0 when a method has no cross entropy at all. */
export const crossEntropyWeight = ({ method }: RunConfig): number =>
  "kdRate" in method ? 1 - method.kdRate : 1;

// What a step reports, from what its programs found.
import type { RunConfig } from "../config/run";
import { scheduleFactor } from "../config/schedule";
import type { AdamWStep } from "../student";
import type { RolloutRecord, SampleCredit, StepRecord } from "../telemetry";
import { sharesOf, silentTerms } from "./coverage";
import { RunError } from "./failure";
import type { StepOutcome } from "./step-program";

export function stepRecord(
  outcome: StepOutcome,
  tokens: number,
  of: Pick<StepRecord, "step" | "ms" | "learningRate"> & { readonly unweighted: readonly string[] },
): StepRecord {
  const {
    loss,
    terms,
    gradNorm,
    marginalError,
    unconverged,
    correctTokens,
    coverage,
    chunks,
    gauges = {},
  } = outcome;
  const { step, ms, learningRate, unweighted } = of;
  const silent = silentTerms(terms, unweighted);
  const tokenAccuracy = tokens === 0 ? 0 : correctTokens / tokens;
  return {
    ...{ step, loss, terms, gradNorm, learningRate, tokenAccuracy, tokens, marginalError, unconverged },
    ...(coverage && { coverage: sharesOf(coverage) }),
    ...(chunks && { chunks }),
    ...(silent.length > 0 && { silent }),
    ...(Object.keys(gauges).length > 0 && { gauges }),
    ms,
  };
}

/** A step whose every answer was left out: the weights stay as they are. */
export const nothingLearned: { readonly outcome: StepOutcome; readonly tokens: number } = {
  outcome: {
    loss: 0,
    terms: {},
    gradNorm: 0,
    updated: true,
    marginalError: 0,
    unconverged: 0,
    correctTokens: 0,
  },
  tokens: 0,
};

/** What a method with advantages made of the answers: their mean, and the tokens that have one. */
export function withCredit(
  record: RolloutRecord,
  credit: readonly SampleCredit[] | undefined,
): RolloutRecord {
  const all = (credit ?? []).flatMap(({ advantages }) => Array.from(advantages));
  if (all.length === 0) return record;
  const advantage = all.reduce((sum, a) => sum + a, 0) / all.length;
  return { ...record, advantage, signal: all.filter((a) => a !== 0).length / all.length };
}

/** What AdamW needs of a step: its number and the scheduled rates. */
export function adamwStep({ optimizer, steps }: RunConfig, step: number): AdamWStep {
  const factor = scheduleFactor(optimizer, step, steps);
  return {
    ...optimizer,
    learningRate: optimizer.learningRate * factor,
    projectorLearningRate: optimizer.projectorLearningRate * factor,
    step,
  };
}

export function notFinite({ loss, gradNorm }: StepOutcome, step: number): RunError {
  return new RunError(
    "not-finite",
    `The run stopped at step ${step - 1}: step ${step} was not finite and was not applied.`,
    `The loss was ${loss}, the gradient norm ${gradNorm}. A learning rate that is too high is the usual cause.`,
    "The student of the last good step is kept. Lower the learning rate, or raise epsilon, and start again.",
  );
}

/** How long it takes, in milliseconds from now. */
export async function timed(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work;
  return performance.now() - started;
}

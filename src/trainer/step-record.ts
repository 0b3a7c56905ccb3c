// What a step reports, from what its programs found.
import type { RolloutRecord, SampleCredit, StepRecord } from "../telemetry";
import { sharesOf, silentTerms } from "./coverage";
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

// On-policy distillation: how the student writes the answers that it is then taught on.
//
// With data.outputs "student" every answer of a step is the student's own, sampled from its weights as they are at that step; with
// "mix" a share λ of them (GKD, arXiv 2306.13649). No gradient passes through sampling.
import * as v from "valibot";
import { count, fraction, positive } from "./fields";

export const rolloutSchema = v.strictObject({
  /** With data.outputs "mix": the chance that an answer is the student's own and not the data set's. */
  lambda: fraction,
  /** Drawn for each row, or, as TRL's GOLD trainer does, once for all rows of a micro-batch. */
  lambdaPer: v.picklist(["row", "slice"]),
  /** Divides the logits before a token is drawn; 0 takes the likeliest token. */
  temperature: v.pipe(v.number(), v.finite(), v.minValue(0, "must be at least 0")),
  /** Draw among the likeliest tokens that together hold this mass; 1: all. */
  topP: v.pipe(positive, v.maxValue(1, "must be at most 1")),
  /** Draw among this many of the likeliest tokens; 0: all. */
  topK: count(0, 1_000_000),
  /** Tokens that an answer may have, its end included. */
  maxNewTokens: count(1, 512),
  /** Answers to each prompt of a step: a step of 16 rows has 4 prompts at 4 samples. */
  samples: count(1, 64),
  /** Of the draws; without it, the run's seed. */
  seed: v.exactOptional(count(0, 2 ** 32 - 1)),
  /** What becomes of an answer that was cut off at its limit: learned from as far as it goes, or left out of the step. */
  truncated: v.picklist(["keep", "leave_out"]),
  /** Every so many steps the divergence from the student as it began is measured, which takes a copy of its weights; 0: never. */
  startEverySteps: count(0, 100_000),
});

export type Rollout = v.InferOutput<typeof rolloutSchema>;

/** Temperature 1 and no cut: what the sampled token's log-probability needs to be an unbiased estimate. */
export const PLAIN_ROLLOUT = {
  lambda: 0.5,
  lambdaPer: "row",
  temperature: 1,
  topP: 1,
  topK: 0,
  maxNewTokens: 64,
  samples: 1,
  truncated: "keep",
  startEverySteps: 1,
} as const satisfies Rollout;

/** Answers that the student writes as it learns. */
export const isOnPolicy = ({ outputs }: { readonly outputs: string }): boolean =>
  outputs === "student" || outputs === "mix";

interface RolloutPart {
  readonly data: { readonly outputs: string; readonly maxLength: number };
  readonly rollout: Rollout;
  readonly batchSize: number;
  readonly accumulation: number;
}

/** What rollouts ask of the other settings: one line per field that is wrong. */
export function rolloutIssues({ data, rollout, batchSize, accumulation }: RolloutPart): string[] {
  if (!isOnPolicy(data)) return [];
  const rows = batchSize * accumulation;
  return [
    ...(rollout.maxNewTokens >= data.maxLength
      ? [
          `rollout.maxNewTokens: must be below data.maxLength (${data.maxLength}) so that a prompt fits before it, got ${rollout.maxNewTokens}`,
        ]
      : []),
    ...(rows % rollout.samples > 0
      ? [
          `rollout.samples: must divide the rows of a step (batchSize × accumulation = ${rows}), got ${rollout.samples}`,
        ]
      : []),
  ];
}

// One run of a comparison: what it was asked for with, and what came of it.
import type { RunConfig } from "../config/run";
import type { AnswerRecord } from "../telemetry";
import type { Budget } from "./compare-budget";
import type { PresetId } from "./draft";
import type { LiveRun } from "./state";

export interface ComparedRun {
  /** What makes it this run and no other: see `runKey`. */
  readonly key: string;
  readonly preset: PresetId;
  readonly seed: number;
  /** What it was asked for with. */
  readonly budget: Budget;
  readonly status: "waiting" | "running" | "done" | "failed";
  readonly config: RunConfig;
  /** The weighted total by step, from 1. */
  readonly loss: readonly number[];
  /** The mean cross entropy of a response token by step, without the method's weight on it. */
  readonly crossEntropy: readonly number[];
  readonly accuracy: number | undefined;
  /** Held-out rows that the accuracy is of. */
  readonly scored: number | undefined;
  /** Training alone, without plans and evaluation. */
  readonly seconds: number;
  readonly plans: LiveRun["pastPlans"];
  readonly answers: AnswerRecord | undefined;
  readonly failure: string;
  /** Milliseconds since 1970; 0 until it is done. */
  readonly finishedAt: number;
}

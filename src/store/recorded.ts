// A recorded run, small enough to be shown before anything else is loaded: what the page opens with.
// Written by scripts/record-first-light.mjs from a run folder of the headless runner.
import * as v from "valibot";
import { parseRunConfig, type RunConfig } from "../config/run";
import type { AnswerRecord, EvaluationRecord, PlanRecord, StepRecord } from "../telemetry";

const numbers = v.array(v.pipe(v.number(), v.finite()));
const tokens = v.pipe(v.array(v.string()), v.minLength(1));
const number = v.pipe(v.number(), v.finite());
const step = v.pipe(v.number(), v.integer(), v.minValue(0));

const plan = v.pipe(
  v.strictObject({
    step,
    layer: v.picklist(["embedding", "hidden"]),
    studentTokens: tokens,
    teacherTokens: tokens,
    plan: v.array(v.pipe(v.number(), v.finite(), v.minValue(0))),
    cost: numbers,
    transportCost: number,
    entropy: number,
    epsilon: number,
    iterations: number,
    marginalError: number,
    converged: v.boolean(),
  }),
  v.check((p) => {
    const size = p.studentTokens.length * p.teacherTokens.length;
    return p.plan.length === size && p.cost.length === size;
  }, "plan and cost must hold one number per pair of tokens"),
);

const steps = v.pipe(
  v.strictObject({
    step: numbers,
    loss: numbers,
    terms: v.record(v.string(), numbers),
    gradNorm: numbers,
    learningRate: numbers,
    tokenAccuracy: numbers,
    tokens: numbers,
    marginalError: numbers,
    unconverged: numbers,
    ms: numbers,
  }),
  v.check((s) => {
    const { terms, ...columns } = s;
    return [...Object.values(terms), ...Object.values(columns)].every((c) => c.length === s.step.length);
  }, "every column must be as long as `step`"),
);

const recordedRun = v.strictObject({
  version: v.literal(1),
  /** What was recorded, in one line. */
  title: v.pipe(v.string(), v.nonEmpty()),
  /** Adapter or runtime it was recorded on. */
  adapter: v.string(),
  config: v.unknown(),
  steps,
  evaluations: v.array(
    v.strictObject({ step, correct: number, total: number, rougeL: v.exactOptional(number) }),
  ),
  plans: v.pipe(v.array(plan), v.minLength(1, "must hold at least one plan")),
  answers: v.array(
    v.strictObject({
      step,
      prompt: v.string(),
      reference: v.string(),
      teacher: v.string(),
      before: v.string(),
      now: v.string(),
      pieces: v.optional(v.strictObject({ before: v.array(v.string()), now: v.array(v.string()) })),
    }),
  ),
});

export interface RecordedRun {
  readonly title: string;
  readonly adapter: string;
  readonly config: RunConfig;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly plans: readonly PlanRecord[];
  readonly answers: readonly AnswerRecord[];
}

/** @throws Error that names the first field that is wrong. */
export function parseRecordedRun(json: unknown): RecordedRun {
  const result = v.safeParse(recordedRun, json);
  if (!result.success) {
    const [issue] = result.issues;
    const path = issue.path?.map((p) => String(p.key)).join(".") || "(top level)";
    throw new Error(`The recorded run is not usable: ${path}: ${issue.message}`);
  }
  const { title, adapter, config, evaluations, answers } = result.output;
  return {
    title,
    adapter,
    config: parseRunConfig(config),
    steps: stepRecords(result.output.steps),
    evaluations,
    plans: result.output.plans.map(planRecord),
    answers,
  };
}

function stepRecords({ terms, ...columns }: v.InferOutput<typeof steps>): StepRecord[] {
  const names = Object.keys(terms);
  const at = (values: readonly number[] | undefined, i: number) => values?.[i] ?? Number.NaN; // lengths were checked
  return columns.step.map((_, i) => ({
    step: at(columns.step, i),
    loss: at(columns.loss, i),
    terms: Object.fromEntries(names.map((name) => [name, at(terms[name], i)])),
    gradNorm: at(columns.gradNorm, i),
    learningRate: at(columns.learningRate, i),
    tokenAccuracy: at(columns.tokenAccuracy, i),
    tokens: at(columns.tokens, i),
    marginalError: at(columns.marginalError, i),
    unconverged: at(columns.unconverged, i),
    ms: at(columns.ms, i),
  }));
}

function planRecord(record: v.InferOutput<typeof plan>): PlanRecord {
  return { ...record, plan: Float32Array.from(record.plan), cost: Float32Array.from(record.cost) };
}

// What a kept run is besides its weights: settings, numbers, plans, answers. One JSON file, with the matrices of plans
// as base64.
import { parseRunConfig, type RunConfig } from "../config/run";
import type { AnswerRecord, EvaluationRecord, PlanRecord, StepRecord } from "../telemetry";

export interface RunRecord {
  readonly step: number;
  readonly config: RunConfig;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  /** Oldest first, of every site; thinned. */
  readonly plans: readonly PlanRecord[];
  readonly answers: AnswerRecord | undefined;
}

const VERSION = 2;
/** Of each site: enough to scrub through, few enough to be written every half minute. */
const PLANS_A_SITE = 32;

/** All that was said up to a step, from what the page knows of the run. */
export function recordOf(
  run: {
    readonly pastPlans: Readonly<Record<string, readonly PlanRecord[]>>;
    readonly answers: AnswerRecord | undefined;
  },
  live: { readonly records: readonly StepRecord[]; readonly evaluations: readonly EvaluationRecord[] },
  step: number,
  config: RunConfig,
): RunRecord {
  const until = <T extends { readonly step: number }>(all: readonly T[]) =>
    all.filter((one) => one.step <= step);
  return {
    ...{ step, config, steps: until(live.records), evaluations: until(live.evaluations) },
    plans: Object.values(run.pastPlans).flatMap((plans) => thinned(until(plans))),
    answers: run.answers && run.answers.step <= step ? run.answers : undefined,
  };
}

/** Evenly over the run, the newest always among them. */
function thinned(plans: readonly PlanRecord[]): readonly PlanRecord[] {
  if (plans.length <= PLANS_A_SITE) return plans;
  const stride = (plans.length - 1) / (PLANS_A_SITE - 1);
  return Array.from({ length: PLANS_A_SITE }, (_, i) => plans[Math.round(i * stride)]).filter(
    (plan) => plan !== undefined,
  );
}

export const encodeRecord = (record: RunRecord): string =>
  JSON.stringify({
    version: VERSION,
    ...record,
    plans: record.plans.map((plan) => ({ ...plan, plan: base64(plan.plan), cost: base64(plan.cost) })),
  });

/**
 * Its digest has been checked: what is in it was written by this page, or by an earlier one.
 *
 * @throws Error when an earlier or later version of the page wrote what this one cannot read.
 */
export function decodeRecord(text: string): RunRecord {
  const json = JSON.parse(text) as Omit<RunRecord, "plans"> & {
    readonly version: number;
    readonly plans: readonly (Omit<PlanRecord, "plan" | "cost"> & { plan: string; cost: string })[];
  };
  if (json.version !== VERSION)
    throw new Error(`It is of version ${json.version}; this page reads version ${VERSION}.`);
  const { step, steps, evaluations, answers } = json;
  return {
    ...{ step, steps, evaluations, answers },
    config: parseRunConfig(json.config),
    plans: json.plans.map((plan) => ({ ...plan, plan: floats(plan.plan), cost: floats(plan.cost) })),
  };
}

/** Of a call's arguments: more at once overflow the stack. */
const CHUNK = 8192;

function base64(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

const floats = (text: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

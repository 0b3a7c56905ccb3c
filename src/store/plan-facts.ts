// A run's plans as the figure's record, and the names of their sites.
import { tokensFromTexts, type Plan } from "../figure";
import type { PlanRecord } from "../telemetry";

const known = new WeakMap<PlanRecord, Plan>();

/** The plan of a run's record: uniform masses, and tokens whose bytes follow from their printed form. */
export function planOfRecord(record: PlanRecord): Plan {
  const before = known.get(record);
  if (before) return before;
  const { studentTokens, teacherTokens, plan, cost, epsilon, iterations, converged } = record;
  const { transportCost, entropy, marginalError, maxDeviation, gradientRatio } = record;
  const even = (n: number) => new Float64Array(n).fill(1 / n);
  const made: Plan = {
    student: tokensFromTexts(studentTokens),
    teacher: tokensFromTexts(teacherTokens),
    mass: plan,
    cost,
    weights: { student: even(studentTokens.length), teacher: even(teacherTokens.length) },
    epsilon,
    relaxed: false,
    report: {
      ...{ transportCost, entropy, marginalError, sweeps: iterations },
      ...{ converged, maxDeviation, gradientRatio },
    },
  };
  known.set(record, made);
  return made;
}

/** Which views of a row a plan pairs: the run's own on both sides, or one side plain and one with its reasoning. */
export const VIEW_PAIRS = ["same", "plain_cot", "cot_plain"] as const;
export type ViewPair = (typeof VIEW_PAIRS)[number];

/** A site's name as its two parts: "hidden_plain_cot" is the layer "hidden" with the pairing "plain_cot". */
export function siteParts(site: string): { readonly layer: string; readonly pairing: ViewPair } {
  const pairing = VIEW_PAIRS.find((p) => site.endsWith(`_${p}`)) ?? "same";
  return { pairing, layer: pairing === "same" ? site : site.slice(0, -pairing.length - 1) };
}

export const siteOf = (layer: string, pairing: ViewPair): string =>
  pairing === "same" ? layer : `${layer}_${pairing}`;

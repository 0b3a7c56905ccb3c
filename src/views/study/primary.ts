// The study's primary comparison in a sentence, from its committed results.
import record from "../../../bench/study/summary.json";
import { excludesZero, interval, points, type StudySummary } from "./summary";

const summary = record as unknown as StudySummary; // written by the study's own script; a test compares the two

/** What the primary comparison gave; what there is to say where it has no result. */
export function primaryText(): string {
  const primary = summary.comparisons.find((one) => one.primary);
  if (!primary) return "It has no result yet.";
  const { mean, bootstrap, seeds } = primary;
  const counted = `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}, ${summary.questions} questions`;
  const verdict = excludesZero(bootstrap) ? "" : ", which may be chance";
  return `ALM − SFT: ${points(mean)} points of right answers (95 %: ${interval(bootstrap)}; ${counted})${verdict}.`;
}

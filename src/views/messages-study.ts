// The sentences of the Study page.
import { plural } from "./format";

const PAIRS: Readonly<Record<string, string>> = { far: "far pair", near: "near pair" };
const REGIMES: Readonly<Record<string, string>> = {
  clean: "Labels as they are",
  noisy50: "Half of the steps wrong",
  noisy30: "Three steps in ten wrong",
  few240: "240 labels",
};

export const studyMessages = {
  title: "When does a teacher with another tokenizer help?",
  why: "The bundled teacher answers the bundled rows as their labels do, so there no method can beat training on the labels. This study takes labels away or makes them err, and asks which methods then gain from the teacher. Its questions, budget and comparisons were written down before the first run (docs/STUDY.md); the numbers below are read from the committed results.",
  budget: (steps: string, questions: string, seeds: string) =>
    `Every run: ${steps} steps of 16 rows, then ${questions} held-out questions, answered greedily. Seeds ${seeds}. The name of a method opens its settings on Distill.`,
  differences: "Paired differences",
  figure: "Differences of right answers with their intervals",
  read: "The same seed is the same rows in the same order, and every run answers the same questions: so runs are compared question by question. An interval that holds 0 shows no effect in this budget.",
  comparison: "Comparison",
  labels: "Labels",
  seeds: "Seeds",
  difference: "Points",
  bootstrap: "95 %, bootstrap",
  student: "95 %, Student's t",
  pytorch: "In PyTorch",
  inPytorch: (points: string, seeds: number) => `${points} (${plural(seeds, "seed", "seeds")})`,
  primary: "Primary:",
  method: "Method",
  right: "Right answers, each seed",
  mean: "Mean",
  crossEntropy: "Cross entropy at the end",
  group: (regime: string, pair: string) => `${REGIMES[regime] ?? regime}, ${PAIRS[pair] ?? pair}`,
  missing: "Not run yet",
  missingNote:
    "“npm run study” goes on with these, and takes up where it was stopped. Each opens its settings here too.",
} as const;

import { distillationCard, distilled } from "./card";
import { beta, temperature } from "./settings";

export const gkd = distillationCard({
  id: "gkd",
  name: "GKD",
  title: "GKD: generalized Jensen–Shannon divergence",
  explain:
    "At every token the two distributions are compared with their mixture: β leads from forward to reverse KL.",
  paper: "arXiv 2306.13649",
  section: "10",
  settings: { beta, temperature: temperature(1) },
  source: "TRL's GOLD trainer: β 0.5; no factor T²",
  tokenizers: "one",
  views: 1,
  asks: "logits",
  terms: { gkd: distilled("GKD") },
  canBeBase: false,
  // The bundled pair has two tokenizers, and GKD wants one.
  preset: { id: "gkd", title: "GKD, one tokenizer: the student teaches itself", teacher: "couplet-student" },
});

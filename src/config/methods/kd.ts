import { distillationCard, distilled } from "./card";
import { divergenceSettings } from "./settings";

export const kd = distillationCard({
  id: "kd",
  name: "KD",
  title: "KD: a divergence over one shared vocabulary",
  explain: "At every token of the answer the student's distribution is drawn to the teacher's.",
  paper: "arXiv 1503.02531; divergences as in CoT2Align's code",
  section: "2",
  settings: divergenceSettings("forward_kl"),
  source: "the published scripts: T = 2, no factor T²",
  tokenizers: "one",
  views: 1,
  asks: "logits",
  terms: { kd: distilled("KD") },
  canBeBase: true,
  // The bundled pair has two tokenizers, and KD wants one.
  preset: { id: "kd", title: "KD, one tokenizer: the student teaches itself", teacher: "couplet-student" },
});

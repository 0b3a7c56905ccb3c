import { distillationCard, distilled } from "./card";
import { divergenceSettings, projectorInit } from "./settings";

/** The three parts of DSKD's loss: METHODS §5. */
export const DUAL_SPACE_TERMS = {
  ce_t2s: distilled("CE of teacher states", "dotted"),
  kd_t2s: distilled("KD teacher → student"),
  kd_s2t: distilled("KD student → teacher", "dash-dot"),
} as const;

export const dskd = distillationCard({
  id: "dskd",
  name: "DSKD",
  title: "DSKD: two spaces through projectors, one tokenizer",
  explain: "Each model's states are projected into the other's space and read through its head.",
  paper: "arXiv 2406.17328",
  section: "5",
  settings: { ...divergenceSettings("forward_kl"), projectorInit },
  source: "the published scripts",
  tokenizers: "one",
  views: 1,
  asks: "last hidden state, logits, head",
  terms: DUAL_SPACE_TERMS,
  canBeBase: true,
  preset: {
    id: "dskd",
    title: "DSKD, one tokenizer: the student teaches itself",
    teacher: "couplet-student",
  },
});

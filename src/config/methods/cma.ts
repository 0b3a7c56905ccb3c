import { positive } from "../fields";
import { distillationCard, setting } from "./card";
import { DUAL_SPACE_TERMS } from "./dskd";
import { divergenceSettings, projectorInit } from "./settings";

export const cma = distillationCard({
  id: "cma",
  name: "DSKD-CMA",
  title: "DSKD-CMA: two spaces joined by cross-model attention",
  explain: "As DSKD, with attention from the student's tokens to the teacher's in place of equal positions.",
  paper: "arXiv 2406.17328",
  section: "6",
  settings: {
    ...divergenceSettings("skewed_reverse_kl"),
    projectorInit,
    /** Divides the projected teacher's logits once more in the divergence that trains the student. */
    teacherTemperature: setting(positive, 1, {
      label: "Teacher temperature",
      help: "divides the projected teacher's logits once more",
    }),
  },
  source: "the published scripts (METHODS §7.1)",
  tokenizers: "any",
  views: 1,
  asks: "last hidden state, logits, head, embedding table",
  terms: DUAL_SPACE_TERMS,
  canBeBase: true,
  preset: { id: "cma", title: "DSKD-CMA: cross-model attention" },
});

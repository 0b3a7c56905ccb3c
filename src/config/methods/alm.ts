import * as v from "valibot";
import { positive } from "../fields";
import { distillationCard, distilled, setting } from "./card";

export const alm = distillationCard({
  id: "alm",
  name: "ALM",
  title: "ALM: likelihoods of chunks",
  explain:
    "Texts are cut where both tokenizers cut; the two models should give each chunk the same likelihood.",
  paper: "arXiv 2503.20083",
  section: "9",
  settings: {
    temperature: setting(positive, 100, { label: "Temperature", help: "of the chunks' log-likelihoods" }),
    /**
     * Whether a chunk's likelihood includes that a word ends after it. Chunks behind which the teacher sees no such end drop out:
     * results before a full stop are among them, so it is off unless asked for (docs/STUDY.md).
     */
    debias: setting(v.optional(v.boolean(), false), false, {
      label: "Count word ends",
      help: "of a chunk; those inside a word or before punctuation then drop out",
    }),
  },
  source: "the paper: temperature 100; word ends, which the paper counts, are off: docs/STUDY.md",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { alm: distilled("ALM") },
  canBeBase: true,
  preset: { id: "alm" },
});

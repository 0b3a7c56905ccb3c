import * as v from "valibot";
import { distillationCard, distilled, setting } from "./card";
import { temperature, topK } from "./settings";

export const reverseKlTopK = distillationCard({
  id: "reverse_kl_top_k",
  name: "top-K reverse KL",
  title: "Reverse KL on the teacher's likeliest tokens",
  explain:
    "At every token the student is compared with the teacher on the tokens that the teacher finds likeliest, as servers of large teachers report them.",
  paper: "arXiv 2603.25562; the repair after arXiv 2605.11182",
  section: "10",
  settings: {
    topK: topK(32),
    /** What becomes of the mass outside the K tokens: see METHODS §10.7. */
    form: setting(v.picklist(["repaired", "truncated", "renormalized"]), "repaired", {
      label: "Outside the top K",
      options: {
        repaired: "left out, without a pull on the student's mass",
        truncated: "left out (biased)",
        renormalized: "both rescaled to the top K",
      },
    }),
    temperature: temperature(1),
  },
  source: "arXiv 2603.25562: K = 32",
  tokenizers: "one",
  views: 1,
  asks: "logits",
  terms: { reverse_kl_top_k: distilled("top-K reverse KL") },
  canBeBase: false,
  // The bundled pair has two tokenizers, and this method wants one.
  preset: {
    id: "reverse-kl-top-k",
    title: "Top-K reverse KL, one tokenizer: the student teaches itself",
    teacher: "couplet-student",
  },
});

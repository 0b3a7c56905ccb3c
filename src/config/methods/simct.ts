import * as v from "valibot";
import { distillationCard, distilled, setting } from "./card";
import { klDirection, temperature, tokenMatch } from "./settings";

export const simct = distillationCard({
  id: "simct",
  name: "SimCT",
  title: "SimCT: shared tokens, and one entry more for a span",
  explain:
    "Where a chunk begins, the distributions over common tokens are compared, with one entry for the whole chunk where the tokenizers cut it differently.",
  paper: "arXiv 2605.07711",
  section: "10",
  settings: {
    divergence: klDirection("reverse_kl"),
    /** What the entry of a span is: the published mean of logits, or its log-probability, on one scale with the tokens'. */
    span: setting(v.picklist(["logit_mean", "log_prob"]), "logit_mean", {
      label: "Entry of a span",
      options: { logit_mean: "mean of its logits (as published)", log_prob: "its log-probability" },
    }),
    temperature: temperature(1),
    tokenMatch,
  },
  source: "its code: reverse KL, T = 1",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { simct: distilled("SimCT") },
  canBeBase: false,
  preset: { id: "simct" },
});

import * as v from "valibot";
import { distillationCard, distilled, setting } from "./card";
import { temperature, topK } from "./settings";

export const xToken = distillationCard({
  id: "x_token",
  name: "X-Token",
  title: "X-Token: the student through a sparse map of tokens",
  explain:
    "Each student token stands for a few of the teacher's; chunk by chunk the student's mean distribution, moved through that map, is drawn to the teacher's.",
  paper: "arXiv 2605.21699",
  section: "10",
  settings: {
    variant: setting(v.picklist(["p_kl", "h_kl"]), "p_kl", {
      label: "Compare",
      options: { p_kl: "through the map (P-KL)", h_kl: "matched tokens, others by rank (H-KL)" },
    }),
    temperature: temperature(1),
    topK: topK(8192),
    /** H-KL: whether only tokens that stand for one alone are matched, or those that do so for 60 %. */
    strict: setting(v.optional(v.boolean(), false), false, {
      label: "Match one to one",
      help: "H-KL: tokens that stand for one alone; else for 60 %",
    }),
    /** Beside cross entropy: `dynamic` scales the term to its size in every batch, as published. */
    combine: setting(v.optional(v.picklist(["fixed", "dynamic"]), "fixed"), "fixed", {
      label: "Beside cross entropy",
      options: { fixed: "as it is", dynamic: "scaled to its size in each batch" },
    }),
  },
  source: "NeMo-RL: P-KL, T = 1, K = 8192; it scales dynamically",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { x_token: distilled("X-Token") },
  canBeBase: false,
  preset: { id: "x-token" },
});

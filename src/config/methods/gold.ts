import * as v from "valibot";
import { distillationCard, distilled, setting } from "./card";
import { beta, tokenMatch, weight } from "./settings";

export const gold = distillationCard({
  id: "gold",
  name: "GOLD",
  title: "GOLD: matched and sorted probabilities over chunks",
  explain:
    "Texts are cut where both tokenizers cut; tokens of both vocabularies are compared directly, the others by rank.",
  paper: "TRL's GOLD trainer, after arXiv 2402.12030",
  section: "9",
  settings: {
    /** `uld`: sorted throughout; `hybrid`: tokens of both vocabularies by a divergence, the others sorted. */
    mode: setting(v.picklist(["uld", "hybrid"]), "hybrid", {
      label: "Compare",
      options: { uld: "all tokens by rank", hybrid: "matched tokens directly, others by rank" },
    }),
    /** What a chunk of several tokens is: `bayesian` reads them by the chain rule; `observed` as published, one row late. */
    merge: setting(v.optional(v.picklist(["bayesian", "observed"]), "bayesian"), "bayesian", {
      label: "Merge a chunk",
      options: { bayesian: "by the chain rule", observed: "as published, one row late" },
    }),
    /** Of the matched tokens' divergence. */
    beta,
    /** null: the matched tokens' share of the teacher's vocabulary. */
    matchedWeight: setting(v.nullable(weight), null, {
      label: "Weight, matched",
      help: "null: their share of the teacher's vocabulary",
    }),
    /** null: the rest of that share. */
    unmatchedWeight: setting(v.nullable(weight), null, {
      label: "Weight, others",
      help: "null: the rest of that share",
    }),
    tokenMatch,
  },
  source: "TRL: hybrid, β 0.5, weights by share",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: {
    gold_matched: distilled("GOLD, matched tokens"),
    gold_sorted: distilled("GOLD, sorted rest", "dotted"),
  },
  canBeBase: true,
  preset: { id: "gold" },
});

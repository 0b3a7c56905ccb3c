import { distillationCard, distilled } from "./card";
import { temperature } from "./settings";

export const multilevel = distillationCard({
  id: "multilevel",
  name: "MultiLevelOT",
  title: "MultiLevelOT: leading probabilities by token and by sequence",
  explain:
    "The likeliest tokens of both models are compared by rank at each token, and by transport over the sequence.",
  paper: "arXiv 2412.14528",
  section: "9",
  settings: { temperature: temperature(1) },
  source: "the paper; its other constants are fixed in the objective",
  tokenizers: "any",
  views: 1,
  asks: "logits",
  terms: {
    multilevel_token: distilled("MultiLevelOT, tokens"),
    multilevel_sequence: distilled("MultiLevelOT, sequence", "dotted"),
  },
  canBeBase: true,
  preset: { id: "multilevel" },
});

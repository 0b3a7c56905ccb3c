import { distillationCard, distilled } from "./card";

export const uld = distillationCard({
  id: "uld",
  name: "ULD",
  title: "ULD: sorted probabilities",
  explain: "Both models' probabilities are sorted and compared by rank, k-th token against k-th token.",
  paper: "arXiv 2402.12030",
  section: "3",
  settings: {},
  source: "no constants of its own",
  tokenizers: "any",
  views: 1,
  asks: "logits",
  terms: { uld: distilled("ULD") },
  canBeBase: true,
  preset: { id: "uld" },
});

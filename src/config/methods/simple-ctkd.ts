import { distillationCard, distilled } from "./card";
import { klDirection, temperature, tokenMatch } from "./settings";

export const simpleCtkd = distillationCard({
  id: "simple_ctkd",
  name: "simple CTKD",
  title: "Simple CTKD: SimCT's baseline, equal tokens alone",
  explain: "Where both sides write the same token, the distributions over common tokens are compared.",
  paper: "KDFlow (arXiv 2603.01875), the baseline of arXiv 2605.07711",
  section: "10",
  settings: { divergence: klDirection("reverse_kl"), temperature: temperature(1), tokenMatch },
  source: "as SimCT",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { simple_ctkd: distilled("simple CTKD") },
  canBeBase: false,
  preset: { id: "simple-ctkd" },
});

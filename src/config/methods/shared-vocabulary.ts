import { distillationCard, distilled } from "./card";
import { divergenceSettings, tokenMatch } from "./settings";

export const sharedVocabulary = distillationCard({
  id: "shared_vocabulary",
  name: "shared-vocabulary KL",
  title: "KL on the shared sub-vocabulary",
  explain: "Where both tokenizers cut one token alike, the distributions over common tokens are compared.",
  paper: "KDFlow, after DSKDv2 (arXiv 2504.11426)",
  section: "9",
  settings: { ...divergenceSettings("forward_kl"), tokenMatch },
  source: "the published scripts' divergence",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { shared_vocabulary: distilled("shared-vocabulary KL") },
  canBeBase: true,
  preset: { id: "shared-vocabulary" },
});

import { distillationCard, distilled } from "./card";
import { temperature, tokenMatch } from "./settings";

export const mined = distillationCard({
  id: "mined",
  name: "MinED",
  title: "MinED: vocabularies matched by edit distance",
  explain: "Each teacher token's probability moves to the student token that is spelled most like it.",
  paper: "arXiv 2401.10491 (FuseLLM), as in CoT2Align's code",
  section: "4",
  settings: { temperature: temperature(2), tokenMatch },
  source: "the published scripts: T = 2",
  tokenizers: "any",
  views: 1,
  asks: "logits and the tokens' text",
  terms: { mined: distilled("MinED") },
  canBeBase: true,
  preset: { id: "mined" },
});

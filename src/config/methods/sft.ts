import { CROSS_ENTROPY, type MethodCard } from "./card";

/** Supervised fine-tuning; with `data.outputs: "teacher"` it is SeqKD. */
export const sft = {
  id: "sft",
  name: "SFT",
  title: "SFT: cross entropy alone",
  explain: "The student learns to predict the next token of the given answers; there is no teacher.",
  paper: "the usual fine-tuning; SeqKD: arXiv 1606.07947",
  section: "1",
  settings: {},
  source: "no constants of its own",
  tokenizers: "any",
  views: 1,
  asks: "nothing; it is never run",
  terms: { ce: CROSS_ENTROPY },
} as const satisfies MethodCard;

// Where TRL's own trainers compute a method's loss, and where not, in words.
import type { Tokenizer } from "../models";
import { cardOf, type MethodConfig, type RunConfig } from "../config/run";

type TokenizerSchemes = Readonly<Record<"student" | "teacher", Pick<Tokenizer, "scheme">>>;

/** Of a run whose loss TRL has; else why not. */
export type TrlAnswer = { readonly trainer: "gold" } | { readonly why: string };

export function trlAnswer(config: RunConfig, { student, teacher }: TokenizerSchemes): TrlAnswer {
  const { method, data } = config;
  const why =
    REASONS[method.id]?.(method) ?? `TRL has no loss of the name ${cardOf(method.id)?.name ?? method.id}.`;
  if (why !== "") return { why };
  if (data.specialTokens === "none")
    return {
      why: "It puts its own special tokens around a text; data.specialTokens: none cannot be set there.",
    };
  if (method.id === "gold" && [student, teacher].some(({ scheme }) => scheme !== "byte-level"))
    return { why: "It aligns byte-level tokenizers alone, and one of these two is not." };
  if (method.id === "gold" && (method.matchedWeight === null) !== (method.unmatchedWeight === null))
    return { why: "It takes both weights of the hybrid loss or none, and this run sets one." };
  return { trainer: "gold" };
}

/** Empty where TRL computes it. */
const REASONS: Readonly<Record<string, (method: MethodConfig) => string>> = {
  gold: () => "",
  uld: () => "",
  sft: () =>
    "There is no teacher: TRL's SFTTrainer is the usual fine-tuning, and train.py is all of it here.",
  gkd: () =>
    "TRL's GOLDTrainer computes GKD's divergence on rows too, but pads and counts tokens its own way and adds no cross entropy beside it.",
  opd: () => "TRL has the sampled-token loss in one vocabulary alone.",
  reverse_kl_top_k: () => "TRL has it against a teacher that is a server alone.",
  kd: () =>
    "TRL's DistillationTrainer learns from what the student writes; this run learns from the rows' answers, and its divergence is summed without T².",
  cot2align: () =>
    "TRL's trainers see logits alone; transport reads both models' states, two views of a row and trains a projector.",
  dskd: () => "TRL's trainers see logits alone; DSKD projects states and trains two projectors.",
  cma: () => "TRL's trainers see logits alone; DSKD-CMA projects states and trains three projectors.",
};

/** What stands where trl_gold.py would. */
export const trlWords = (why: string): string =>
  `# No trl_gold.py\n\nTRL cannot do this run. ${why}\n\ntrain.py computes it, with Transformers and Accelerate.\n`;

// Supervised fine-tuning: cross entropy on the response tokens, nothing else.
import { recordCrossEntropyTerm } from "./cross-entropy-term";
import type { Objective } from "./types";

export const sft: Objective<{ id: "sft" }> = {
  id: "sft",
  title: "SFT: cross entropy on the gold responses",
  paper: "the baseline of CoT2Align (arXiv 2502.16806)",
  needs: () => [],
  parameters: () => [],
  record: (_config, recording) => recordCrossEntropyTerm(recording, 1),
};

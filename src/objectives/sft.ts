// Supervised fine-tuning: cross entropy on the response tokens, nothing else.
import { recordCrossEntropyTerm } from "./cross-entropy-term";
import type { Objective } from "./types";

export const sft: Objective<{ id: "sft" }> = {
  id: "sft",
  needs: () => [],
  parameters: () => [],
  record: (_config, recording) => recordCrossEntropyTerm(recording, 1),
};

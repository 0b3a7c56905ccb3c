// The objectives: the mathematics of the methods whose cards are in src/config/methods.
import type { MethodConfig } from "../config/run";
import { cot2align } from "./cot2align";
import { withCrossEntropy } from "./distillation";
import { distillationOf } from "./distillations";
import { sft } from "./sft";
import type { Objective } from "./types";

/** The objective that a config names. The config's schema admits only ids that have a card. */
export function objectiveOf({ id }: Pick<MethodConfig, "id">): Objective {
  // Each objective is called only with the config that carries its id, which is what the casts forget.
  if (id === "sft") return sft as unknown as Objective;
  if (id === "cot2align") return cot2align as unknown as Objective;
  return withCrossEntropy(distillationOf({ id })) as unknown as Objective;
}

export { overlapColumns } from "./align/matched-tokens";
export { type Matrix, MissingTensor, recordTensors, tensorLeaves } from "./from-tensors";
export { distillationOf, isDistillation } from "./distillations";
export { recordCrossEntropyTerm } from "./cross-entropy-term";
export { preservingLogits } from "./pseudo-inverse";
export { recordTransportTerm } from "./transport-term";
export { byNumber, once } from "./once";
export { batchChunks } from "./align/chunks";
export { alignMined } from "./align/mined";
export * from "./types";

// The objectives, in the order the page lists them. A new one is one file and one line here.
import type { MethodConfig } from "../config/run";
import { alm } from "./alm";
import { cma } from "./cma";
import { cot2align } from "./cot2align";
import { besideCrossEntropy } from "./distillation";
import { dskd } from "./dskd";
import { gold } from "./gold";
import { kd } from "./kd";
import { mined } from "./mined";
import { multilevel } from "./multilevel";
import { sft } from "./sft";
import type { Objective } from "./types";
import { sharedVocabulary } from "./shared-vocabulary";
import { uld } from "./uld";

export const OBJECTIVES = [
  cot2align,
  sft,
  besideCrossEntropy(kd),
  besideCrossEntropy(uld),
  besideCrossEntropy(mined),
  besideCrossEntropy(dskd),
  besideCrossEntropy(cma),
  besideCrossEntropy(gold),
  besideCrossEntropy(alm),
  besideCrossEntropy(sharedVocabulary),
  besideCrossEntropy(multilevel),
] as const;

/** The objective that a config names. The config's schema admits only ids that are in the list. */
export function objectiveOf(method: MethodConfig): Objective {
  const found = OBJECTIVES.find((o) => o.id === method.id);
  if (!found) throw new Error(`No objective "${method.id}", only ${OBJECTIVES.map((o) => o.id).join(", ")}`);
  // Each objective is called only with the config that carries its id, which is what the cast forgets.
  return found as unknown as Objective;
}

export {
  type Matrix,
  MissingTensor,
  recordTensors,
  tensorLeaves,
  type TensorFields,
  type TensorRecording,
} from "./from-tensors";
export { DISTILLATIONS, distillationOf } from "./distillations";
export { recordCrossEntropyTerm } from "./cross-entropy-term";
export { type Heads, preservingLogits } from "./pseudo-inverse";
export { recordTransportTerm } from "./transport-term";
export { byNumber, once } from "./once";
export * from "./types";

// CoT2Align, the standard pair: cross entropy and transport at the embedding and the last hidden layer, both models
// reading the same view of a row. METHODS §7: loss = (1 − r)·CE / tokens + r·(OT(e, E0) + OT(h, H)).
// The two cross-CoT pairs and a base KD term join here when the rows carry both views to the trainer.
import type { MethodConfig } from "../config/run";
import { recordCrossEntropyTerm } from "./cross-entropy-term";
import {
  projectorParameters,
  recordTransportProbe,
  recordTransportTerm,
  activeLayers,
} from "./transport-term";
import { joinTerms, type Objective } from "./types";

type Config = Extract<MethodConfig, { id: "cot2align" }>;

export const cot2align: Objective<Config> = {
  id: "cot2align",
  title: "CoT2Align: cross entropy and optimal transport",
  paper: "arXiv 2502.16806",
  needs: ({ transport }) => activeLayers(transport).map((layer) => `teacher.${layer}` as const),
  parameters: (_config, { teacherWidth, studentWidth }, seed) =>
    projectorParameters(teacherWidth, studentWidth, seed),
  record: ({ kdRate, transport }, recording) =>
    joinTerms([
      recordCrossEntropyTerm(recording, 1 - kdRate),
      recordTransportTerm(recording, transport, kdRate),
    ]),
  recordProbe: ({ transport }, recording) => recordTransportProbe(recording, transport),
};

// CoT2Align: a base distillation term and transport at the embedding and the last hidden layer, over one or both views
// of a row. METHODS §7:
//
//   loss = ((1 − r)·CE + r·KD)/tokens + r·OT_total
//   OT_total = OT(h,H) + OT(e,E₀)  + with both views, OT of student plain × teacher CoT and student CoT × teacher plain
import type { BaseConfig, MethodOf } from "../config/run";
import { recordCrossEntropyTerm } from "./cross-entropy-term";
import { needsOneTokenizer } from "./distillation";
import { distillationOf } from "./distillations";
import { layerWeightParameter } from "./layer-weights";
import { projectorParameters } from "./projector";
import { activeLayers, sitesOf, teacherNeeds } from "./transport-sites";
import { recordTransportProbe, recordTransportTerm } from "./transport-term";
import { joinTerms, type Objective } from "./types";

/** The term that transport stands on; none is cross entropy alone. */
const baseOf = (base: BaseConfig) => (base.id === "none" ? undefined : distillationOf(base));

export const cot2align: Objective<MethodOf<"cot2align">> = {
  id: "cot2align",
  needs: ({ base, transport }) => [...(baseOf(base)?.needs(base) ?? []), ...teacherNeeds(transport)],
  sharesTokenizer: ({ base }) => needsOneTokenizer(base.id),
  views: ({ crossCot }) => (crossCot ? 2 : 1),
  parameters: ({ base, transport }, dims, seed) => [
    ...(baseOf(base)?.parameters(base, dims, seed) ?? []),
    ...projectorParameters("ot", dims.teacherWidth, dims.studentWidth, seed),
    ...(transport.layerWeights === "learned" ? [layerWeightParameter(activeLayers(transport).length)] : []),
  ],
  preservesLogits: ({ base }) => baseOf(base)?.preservesLogits?.(base) ?? false,
  prepare: async ({ base }, tokens, options) => baseOf(base)?.prepare?.(base, tokens, options),
  alignment: ({ base }) => baseOf(base)?.alignment?.(base),
  unweighted: ({ base, kdRate }, tokens) => [
    ...(kdRate === 1 ? ["ce"] : []),
    ...(baseOf(base)?.unweighted?.(base, tokens) ?? []),
  ],
  record(config, recording) {
    const { kdRate, base } = config;
    const kd = baseOf(base);
    return joinTerms([
      recordCrossEntropyTerm(recording, 1 - kdRate),
      ...(kd ? [kd.recordTerm(base, recording, kdRate)] : []),
      recordTransportTerm(recording, config, kdRate),
    ]);
  },
  parts: (config) => ["ce", ...sitesOf(config).map(({ name }) => name)],
  recordPart(config, recording, name) {
    if (name === "ce") return recordCrossEntropyTerm(recording, 1 - config.kdRate);
    // Learned layer weights belong to all layers together; alone, a term counts as it does at first.
    const transport = { ...config.transport, layerWeights: "fixed" } as const;
    return recordTransportTerm(recording, { ...config, transport, only: name }, config.kdRate);
  },
  recordProbe: (config, recording) => recordTransportProbe(recording, config),
};

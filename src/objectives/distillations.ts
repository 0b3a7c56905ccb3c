// The mathematics of each distillation card (src/config/methods/distillations.ts): a card without its term does not compile.
import type { DistillationId, MethodOf } from "../config/run";
import { alm } from "./alm";
import { cma } from "./cma";
import { dskd } from "./dskd";
import { fixedAdvantage } from "./fixed-advantage";
import { gkd } from "./gkd";
import { gold } from "./gold";
import { kd } from "./kd";
import { mined } from "./mined";
import { multilevel } from "./multilevel";
import { opd } from "./opd";
import { reverseKlTopK } from "./reverse-kl-top-k";
import { sharedVocabulary } from "./shared-vocabulary";
import type { Distillation } from "./types";
import { simct, simpleCtkd } from "./simct";
import { uld } from "./uld";
import { xToken } from "./x-token";

const TERMS: { readonly [Id in DistillationId]: Distillation<Omit<MethodOf<Id>, "kdRate">> } = {
  kd,
  uld,
  mined,
  dskd,
  cma,
  gold,
  alm,
  shared_vocabulary: sharedVocabulary,
  multilevel,
  simct,
  simple_ctkd: simpleCtkd,
  x_token: xToken,
  gkd,
  reverse_kl_top_k: reverseKlTopK,
  opd,
  fixed_advantage: fixedAdvantage,
};

export const isDistillation = (id: string): id is DistillationId => Object.hasOwn(TERMS, id);

/** The term that a method's or a base's config names. @throws Error for an id that has none: the schema admits no such. */
export function distillationOf({ id }: { readonly id: string }): Distillation {
  if (!isDistillation(id))
    throw new Error(`No distillation term "${id}", only ${Object.keys(TERMS).join(", ")}`);
  // Each is called only with the settings that carry its id, which is what the cast forgets.
  return TERMS[id] as unknown as Distillation;
}

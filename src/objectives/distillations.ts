// The distillation terms: each is a method beside cross entropy, and some are a base of CoT2Align.
import { alm } from "./alm";
import { cma } from "./cma";
import { dskd } from "./dskd";
import { gold } from "./gold";
import { kd } from "./kd";
import { mined } from "./mined";
import { multilevel } from "./multilevel";
import { sharedVocabulary } from "./shared-vocabulary";
import type { Distillation } from "./types";
import { uld } from "./uld";

export const DISTILLATIONS = [kd, uld, mined, dskd, cma, gold, alm, sharedVocabulary, multilevel] as const;

/** The term that a method's or a base's config names. */
export function distillationOf(settings: { readonly id: string }): Distillation {
  const found = DISTILLATIONS.find((d) => d.id === settings.id);
  if (!found)
    throw new Error(
      `No distillation term "${settings.id}", only ${DISTILLATIONS.map((d) => d.id).join(", ")}`,
    );
  // Each is called only with the settings that carry its id, which is what the cast forgets.
  return found as unknown as Distillation;
}

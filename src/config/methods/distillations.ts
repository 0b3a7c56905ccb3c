// The distillation terms' cards, in the order of menus, and what follows from them.
import * as v from "valibot";
import type { fraction } from "../fields";
import { alm } from "./alm";
import { defaultsOf, type DistillationCard, type Entries, entriesOf, type Settings } from "./card";
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
import { SHARE } from "./settings";
import { sharedVocabulary } from "./shared-vocabulary";
import { simct } from "./simct";
import { simpleCtkd } from "./simple-ctkd";
import { uld } from "./uld";
import { xToken } from "./x-token";

export const DISTILLATION_CARDS = [
  kd,
  uld,
  mined,
  dskd,
  cma,
  gold,
  alm,
  sharedVocabulary,
  multilevel,
  simct,
  simpleCtkd,
  xToken,
  gkd,
  reverseKlTopK,
  opd,
  fixedAdvantage,
] as const;

type Card = (typeof DISTILLATION_CARDS)[number];
export type DistillationId = Card["id"];

/** The term's own settings: what CoT2Align's base holds. */
type TermSchema<C> =
  C extends DistillationCard<infer Id, infer S extends Settings>
    ? v.StrictObjectSchema<{ readonly id: v.LiteralSchema<Id, undefined> } & Entries<S>, undefined>
    : never;

/** As a method: beside cross entropy, with its share of the loss. */
type BesideSchema<C> =
  C extends DistillationCard<infer Id, infer S extends Settings>
    ? v.StrictObjectSchema<
        { readonly id: v.LiteralSchema<Id, undefined> } & Entries<S> & { readonly kdRate: typeof fraction },
        undefined
      >
    : never;

const withId = (card: DistillationCard, more: Settings): unknown =>
  v.strictObject({ id: v.literal(card.id), ...entriesOf({ ...card.settings, ...more }) });

/** One schema a method, in the cards' order. The cast says what `withId` builds, which a list of unlike cards forgets. */
export const DISTILLATION_SCHEMAS = DISTILLATION_CARDS.map((card) =>
  withId(card, SHARE),
) as BesideSchema<Card>[];

/** One schema a base of CoT2Align; the same cast. */
export const BASE_SCHEMAS = DISTILLATION_CARDS.filter(({ canBeBase }) => canBeBase).map((card) =>
  withId(card, {}),
) as TermSchema<Card>[];

/** A distillation term with every setting at its default. */
export const termDefaults = ({ id, settings }: DistillationCard): Record<string, unknown> => ({
  id,
  ...defaultsOf(settings),
});

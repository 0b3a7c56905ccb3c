// All methods' cards, and the part of the run config that follows from them. A new distillation method is a card here (one line
// in distillations.ts) and an objective of the same name: docs/ADDING-A-METHOD.md.
import * as v from "valibot";
import {
  CROSS_ENTROPY,
  defaultsOf,
  type DistillationCard,
  type MethodCard,
  type Setting,
  type Settings,
  type TermCard,
} from "./card";
import { base, cot2align, cot2alignSchema } from "./cot2align";
import { DISTILLATION_CARDS, DISTILLATION_SCHEMAS } from "./distillations";
import { SHARE } from "./settings";
import { sft } from "./sft";
import { TRANSPORT_SETTINGS } from "./transport";

export const method = v.variant("id", [
  v.strictObject({ id: v.literal("sft") }),
  ...DISTILLATION_SCHEMAS,
  cot2alignSchema,
]);

export type MethodConfig = v.InferOutput<typeof method>;
/** A method's config by its id. */
export type MethodOf<Id extends MethodConfig["id"]> = Extract<MethodConfig, { id: Id }>;
export type BaseConfig = v.InferOutput<typeof base>;

/** In the order of menus. */
export const METHOD_CARDS: readonly MethodCard[] = [sft, ...DISTILLATION_CARDS, cot2align];

export const cardOf = (id: string): MethodCard | undefined => METHOD_CARDS.find((card) => card.id === id);

/** A whole method config with every setting at its default. @throws RangeError for an id without a card. */
export function methodDefaults(id: string): Record<string, unknown> {
  const card = cardOf(id);
  if (!card) throw new RangeError(`there is no method "${id}"`);
  const known: DistillationCard | undefined = DISTILLATION_CARDS.find((one) => one.id === id);
  // Cross entropy on what the student wrote itself teaches it what it already says: such a method stands alone.
  const alone = known?.preset.onPolicy ? { kdRate: 1 } : {};
  return { id, ...defaultsOf(card.settings), ...(known && { ...defaultsOf(SHARE), ...alone }) };
}

/** How a term of the loss is named and drawn; undefined for transport's further sites. */
export const termCard = (name: string): TermCard | undefined =>
  name === "ce" ? CROSS_ENTROPY : METHOD_CARDS.map(({ terms }) => terms[name]).find(Boolean);

/** Every setting of any method by its name, where one name means one thing; of a choice, the options of all methods. */
export const METHOD_SETTINGS: Readonly<Record<string, Setting>> = withAllOptions([
  ...METHOD_CARDS.map(({ settings }) => settings),
  SHARE,
  TRANSPORT_SETTINGS,
]);

function withAllOptions(all: readonly Settings[]): Record<string, Setting> {
  const known: Record<string, Setting> = {};
  for (const [name, setting] of all.flatMap((settings) => Object.entries(settings))) {
    const options = { ...known[name]?.options, ...setting.options };
    known[name] = Object.keys(options).length > 0 ? { ...setting, options } : setting;
  }
  return known;
}

export { DISTILLATION_CARDS, type DistillationId, termDefaults } from "./distillations";

export type { MethodCard, TermCard } from "./card";
export { type Divergence, DIVERGENCES, type TokenMatch } from "./settings";
export { PUBLISHED_TRANSPORT, STABLE_TRANSPORT, type TransportConfig } from "./transport";

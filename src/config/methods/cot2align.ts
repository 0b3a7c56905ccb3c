import * as v from "valibot";
import { CROSS_ENTROPY, entriesOf, type MethodCard, setting } from "./card";
import { BASE_SCHEMAS } from "./distillations";
import { SHARE } from "./settings";
import { STABLE_TRANSPORT, transport } from "./transport";

const MASKS = ["intended", "as_published"] as const;

/** What CoT2Align may stand on: nothing, or a distillation term without its share. */
export const base = v.variant("id", [v.strictObject({ id: v.literal("none") }), ...BASE_SCHEMAS]);

const settings = {
  /** The paper's α: loss = (1 − kdRate)·CE + kdRate·(base + OT). */
  ...SHARE,
  /** The distillation term that transport stands on. */
  base: setting(v.optional(base, { id: "none" }), { id: "none" }, { label: "Base distillation loss" }),
  /** Also the two cross-CoT pairs: student plain × teacher CoT, student CoT × teacher plain. */
  crossCot: setting(v.optional(v.boolean(), false), false, { label: "Cross-CoT pairs" }),
  /** `as_published`: the second cross pair is dead, and rows without a plain view count in the mean (METHODS §7.1). */
  masks: setting(v.optional(v.picklist(MASKS), "intended"), "intended", {
    label: "Masks",
    options: { intended: "as intended", as_published: "as published" },
  }),
  transport: setting(transport, STABLE_TRANSPORT, { label: "Transport" }),
} as const;

export const cot2align = {
  id: "cot2align",
  name: "CoT2Align",
  title: "CoT2Align: cross entropy and optimal transport",
  explain:
    "The student's states move towards those teacher states that optimal transport couples them with, beside any base distillation loss.",
  paper: "arXiv 2502.16806",
  section: "7",
  settings,
  source: "ours for transport (docs/SINKHORN.md); the published ones are a preset of their own",
  tokenizers: "any",
  views: 2,
  asks: "embedding and last hidden state, further blocks on request; with a base, what that asks",
  terms: {
    ce: CROSS_ENTROPY,
    ot_embedding: { label: "OT embedding", color: "ot-embedding", mark: "dotted" },
    ot_hidden: { label: "OT last hidden", color: "ot-hidden", mark: "dash-dot" },
  },
} as const satisfies MethodCard;

export const cot2alignSchema = v.strictObject({ id: v.literal("cot2align"), ...entriesOf(settings) });

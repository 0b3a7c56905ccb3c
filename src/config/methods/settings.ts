// Settings that several methods share.
import * as v from "valibot";
import { count, finite, fraction, positive } from "../fields";
import { setting } from "./card";

export const DIVERGENCES = [
  "forward_kl",
  "reverse_kl",
  "symmetric_kl",
  "js",
  "skewed_forward_kl",
  "skewed_reverse_kl",
  "adaptive_kl",
] as const;
export type Divergence = (typeof DIVERGENCES)[number];

const PROJECTOR_INITS = ["random", "pseudo_inverse"] as const;

/** What makes a token of one vocabulary that of the other. */
const TOKEN_MATCHES = ["bytes", "spelling"] as const;
export type TokenMatch = (typeof TOKEN_MATCHES)[number];

export const weight = v.pipe(finite, v.minValue(0, "must not be negative"));

/** The share of what is not cross entropy: loss = (1 − kdRate)·CE + kdRate·rest. The published scripts use a half. */
export const SHARE = {
  kdRate: setting(fraction, 0.5, { label: "Share α", help: "loss = (1 − α)·CE + α·rest" }),
} as const;

/** β of a generalized Jensen–Shannon divergence (arXiv 2306.13649). */
export const beta = setting(fraction, 0.5, { label: "β", help: "0: forward KL, 1: reverse KL" });

/** How many of the teacher's likeliest tokens count. */
export const topK = (value: number) =>
  setting(count(1, 1_000_000), value, {
    label: "Top K",
    help: "how many of the teacher's likeliest tokens count",
  });

/** T of both soft-maxes. The published scripts use 2, and no factor T². */
export const temperature = (value: number) =>
  setting(positive, value, { label: "Temperature", help: "larger flattens both distributions" });

/** METHODS §2: which distance of two distributions, and its constants. */
export const divergenceSettings = (divergence: Divergence) =>
  ({
    divergence: setting(v.picklist(DIVERGENCES), divergence, {
      label: "Divergence",
      options: {
        forward_kl: "forward KL",
        reverse_kl: "reverse KL",
        symmetric_kl: "symmetric KL",
        js: "Jensen–Shannon",
        skewed_forward_kl: "skewed forward KL",
        skewed_reverse_kl: "skewed reverse KL",
        adaptive_kl: "adaptive KL",
      },
    }),
    temperature: temperature(2),
    /** λ of the skewed divergences. */
    skew: setting(fraction, 0.1, { label: "Skew λ", help: "of the skewed divergences" }),
    /** Where adaptive_kl splits the teacher's mass into head and tail. */
    adaptiveAlpha: setting(fraction, 0.5, { label: "Adaptive split", help: "of adaptive KL" }),
  }) as const;

/** Which way a KL goes, for methods that are published with these two. */
export const klDirection = (value: "reverse_kl" | "forward_kl") =>
  setting(v.picklist(["reverse_kl", "forward_kl"]), value, {
    label: "Divergence",
    options: { reverse_kl: "reverse KL", forward_kl: "forward KL" },
  });

/** Where DSKD's two projectors begin: as torch's Linear does, or preserving logits on shared tokens (DSKDv2). */
export const projectorInit = setting(v.optional(v.picklist(PROJECTOR_INITS), "random"), "random", {
  label: "Projectors start",
  options: { random: "at random", pseudo_inverse: "preserving logits (DSKDv2)" },
});

/**
 * `bytes`: tokens that stand for the same bytes are the same. `spelling`: those that both vocabularies write alike, as
 * published; between ▁ and byte-level vocabularies that leaves out all text that is not ASCII, and line breaks.
 */
export const tokenMatch = setting(v.optional(v.picklist(TOKEN_MATCHES), "bytes"), "bytes", {
  label: "Match tokens by",
  options: { bytes: "their bytes", spelling: "their spelling (as published)" },
});

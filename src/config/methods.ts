// The methods' own settings, one schema each. A distillation term's settings stand apart from its share of the loss
// (`kdRate`), because CoT2Align takes any of them as its base.
import * as v from "valibot";
import { COST_KINDS, GRADIENTS, SCHEMES } from "./transport";
import { count, finite, fraction, positive } from "./fields";

export const LAYER_WEIGHTS = ["fixed", "learned"] as const;
export const PROJECTOR_INITS = ["random", "pseudo_inverse"] as const;
export const MARGINALS = ["uniform", "attention"] as const;
export const MASKS = ["intended", "as_published"] as const;
/** What makes a token of one vocabulary that of the other. */
export const TOKEN_MATCHES = ["bytes", "spelling"] as const;
export const DIVERGENCES = [
  "forward_kl",
  "reverse_kl",
  "symmetric_kl",
  "js",
  "skewed_forward_kl",
  "skewed_reverse_kl",
  "adaptive_kl",
] as const;

const weight = v.pipe(finite, v.minValue(0, "must not be negative"));

/** METHODS §2: which distance of two distributions, and its constants. */
export const divergence = {
  divergence: v.picklist(DIVERGENCES),
  /** T of both soft-maxes. The published scripts use 2, and no factor T². */
  temperature: positive,
  /** λ of the skewed divergences. */
  skew: fraction,
  /** Where adaptive_kl splits the teacher's mass into head and tail. */
  adaptiveAlpha: fraction,
};

const divergenceObject = v.strictObject(divergence);

export const transport = v.strictObject({
  /** How the distance of two states is measured. CoT2Align's released code uses `attention`. */
  cost: v.picklist(COST_KINDS),
  /** Entropic regularization; times each problem's mean cost when `relative`. The multiplicative scheme's is 1/alpha. */
  epsilon: positive,
  relative: v.boolean(),
  maxIterations: count(1, 2000),
  /** L1 marginal error at which a problem stops; 0 runs every sweep. */
  tolerance: v.pipe(finite, v.minValue(0, "must not be negative")),
  gradient: v.picklist(GRADIENTS),
  /** `log` is stable at every epsilon; `multiplicative` is the loop of CoT2Align's code, constants included. */
  scheme: v.optional(v.picklist(SCHEMES), "log"),
  /** Weights of the two layers; CoT2Align sums them as they are. */
  embedding: weight,
  hidden: weight,
  /** Further pairs: the residual streams after the student's and the teacher's block of these numbers, from 1. */
  layers: v.optional(
    v.array(v.strictObject({ student: count(1, 1000), teacher: count(1, 1000), weight })),
    [],
  ),
  /** `learned`: the layers' weights times L·softmax(θ), θ trained; the paper's future work. */
  layerWeights: v.optional(v.picklist(LAYER_WEIGHTS), "fixed"),
  /** Masses of tokens: all alike, or by the attention that they receive from their own sequence's states. */
  marginals: v.optional(v.picklist(MARGINALS), "uniform"),
});

/** The share of the distillation term: loss = (1 − kdRate)·CE + kdRate·KD. */
const share = { kdRate: fraction };

/** One vocabulary: the divergence of the two distributions at each response position (METHODS §2). */
const kd = { id: v.literal("kd"), ...divergence };

/** Sorted probabilities, k-th response position against k-th; no constants (METHODS §3). */
const uld = { id: v.literal("uld") };

/**
 * `bytes`: tokens that stand for the same bytes are the same. `spelling`: those that both vocabularies write alike, as
 * published; between ▁ and byte-level vocabularies that leaves out all text that is not ASCII, and line breaks.
 */
const tokenMatch = v.optional(v.picklist(TOKEN_MATCHES), "bytes");

/** Teacher logits moved into the student's vocabulary by edit distance (METHODS §4). */
const mined = { id: v.literal("mined"), temperature: positive, tokenMatch };

/** Where DSKD's two projectors begin: as torch's Linear does, or preserving logits on shared tokens (DSKDv2). */
const projectorInit = v.optional(v.picklist(PROJECTOR_INITS), "random");

/** Two spaces of one tokenizer (METHODS §5). */
const dskd = { id: v.literal("dskd"), ...divergence, projectorInit };

/** Two spaces joined by cross-model attention (METHODS §6). */
const cma = {
  id: v.literal("cma"),
  ...divergence,
  projectorInit,
  /** Divides the projected teacher's logits once more in the divergence that trains the student. */
  teacherTemperature: positive,
};

/** Merged distributions over chunks of equal text (METHODS §9). */
const gold = {
  id: v.literal("gold"),
  /** `uld`: sorted throughout; `hybrid`: tokens of both vocabularies by a divergence, the others sorted. */
  mode: v.picklist(["uld", "hybrid"]),
  /** β of the matched tokens' divergence: 0 is forward KL, 1 reverse. */
  beta: fraction,
  /** Weights of both parts; null: the matched tokens' share of the teacher's vocabulary, and the rest. */
  matchedWeight: v.nullable(weight),
  unmatchedWeight: v.nullable(weight),
  tokenMatch,
};

/** Chunk likelihoods; the paper's temperature is 100 (METHODS §9). */
const alm = {
  id: v.literal("alm"),
  temperature: positive,
  /** Whether a chunk's likelihood includes that a word ends after it. */
  debias: v.optional(v.boolean(), false),
};

/** The shared sub-vocabulary at exactly aligned tokens (METHODS §9). */
const sharedVocabulary = { id: v.literal("shared_vocabulary"), ...divergence, tokenMatch };

/** Leading probabilities at the level of tokens and of the sequence; its constants are the paper's (METHODS §9). */
const multilevel = { id: v.literal("multilevel"), temperature: positive };

/** What CoT2Align may stand on: a distillation term without its kdRate. */
const base = v.variant("id", [
  v.strictObject({ id: v.literal("none") }),
  v.strictObject(kd),
  v.strictObject(uld),
  v.strictObject(mined),
  v.strictObject(dskd),
  v.strictObject(cma),
]);

export const method = v.variant("id", [
  v.strictObject({ id: v.literal("sft") }),
  v.strictObject({ ...kd, ...share }),
  v.strictObject({ ...uld, ...share }),
  v.strictObject({ ...mined, ...share }),
  v.strictObject({ ...dskd, ...share }),
  v.strictObject({ ...cma, ...share }),
  v.strictObject({ ...gold, ...share }),
  v.strictObject({ ...alm, ...share }),
  v.strictObject({ ...sharedVocabulary, ...share }),
  v.strictObject({ ...multilevel, ...share }),
  v.strictObject({
    id: v.literal("cot2align"),
    /** The paper's α: loss = (1 − kdRate)·CE + kdRate·(base + OT). */
    ...share,
    /** The distillation term that transport stands on. */
    base: v.optional(base, { id: "none" }),
    /** Also the two cross-CoT pairs: student plain × teacher CoT, student CoT × teacher plain. */
    crossCot: v.optional(v.boolean(), false),
    /** `as_published`: the second cross pair is dead, and rows without a plain view count in the mean (METHODS §7.1). */
    masks: v.optional(v.picklist(MASKS), "intended"),
    transport,
  }),
]);

export type MethodConfig = v.InferOutput<typeof method>;
/** A method's config by its id. */
export type MethodOf<Id extends MethodConfig["id"]> = Extract<MethodConfig, { id: Id }>;
export type BaseConfig = v.InferOutput<typeof base>;
export type TransportConfig = v.InferOutput<typeof transport>;
export type TokenMatch = (typeof TOKEN_MATCHES)[number];
export type Divergence = (typeof DIVERGENCES)[number];
export type DivergenceConfig = v.InferOutput<typeof divergenceObject>;

// The settings of CoT2Align's transport. Names and constants of transport at large are in ../transport.ts.
import * as v from "valibot";
import { count, finite, positive } from "../fields";
import { COST_KINDS, GRADIENTS, PUBLISHED, SCHEMES } from "../transport";
import { defaultsOf, entriesOf, setting } from "./card";
import { weight } from "./settings";

const LAYER_WEIGHTS = ["fixed", "learned"] as const;
const MARGINALS = ["uniform", "attention"] as const;

const layers = v.array(v.strictObject({ student: count(1, 1000), teacher: count(1, 1000), weight }));

/** Our defaults: log domain, a plan that is neither blurred to a·bᵀ nor a hard assignment. */
export const TRANSPORT_SETTINGS = {
  /** How the distance of two states is measured. CoT2Align's released code uses `attention`. */
  cost: setting(v.picklist(COST_KINDS), "cosine", {
    label: "Cost",
    options: {
      cosine: "cosine",
      euclidean: "Euclidean",
      sqeuclidean: "squared Euclidean",
      attention: "attention (as published)",
    },
  }),
  /** Entropic regularization; times each problem's mean cost when `relative`. The multiplicative scheme's is 1/alpha. */
  epsilon: setting(positive, 0.1, { label: "Epsilon", help: "larger is blurrier" }),
  relative: setting(v.boolean(), true, {
    label: "Epsilon counts in",
    options: { true: "mean costs", false: "absolute units" },
  }),
  maxIterations: setting(count(1, 2000), 50, { label: "Most sweeps" }),
  /** L1 marginal error at which a problem stops; 0 runs every sweep. */
  tolerance: setting(v.pipe(finite, v.minValue(0, "must not be negative")), 1e-4, {
    label: "Tolerance",
    help: "marginal error at which a plan is done; 0: every sweep",
  }),
  gradient: setting(v.picklist(GRADIENTS), "unrolled", {
    label: "Gradient of the plan",
    options: { unrolled: "through every sweep", envelope: "plan held fixed", implicit: "at convergence" },
  }),
  /** `log` is stable at every epsilon; `multiplicative` is the loop of CoT2Align's code, constants included. */
  scheme: setting(v.optional(v.picklist(SCHEMES), "log"), "log", {
    label: "Solver",
    options: { log: "log domain", multiplicative: "multiplicative (as published)" },
  }),
  /** Weights of the two layers; CoT2Align sums them as they are. */
  embedding: setting(weight, 1, { label: "Weight, embedding" }),
  hidden: setting(weight, 1, { label: "Weight, last hidden" }),
  /** Further pairs: the residual streams after the student's and the teacher's block of these numbers, from 1. */
  layers: setting(v.optional(layers, []), [], {
    label: "Further layer pairs",
    help: '[{"student": 1, "teacher": 2, "weight": 1}]',
  }),
  /** `learned`: the layers' weights times L·softmax(θ), θ trained; the paper's future work. */
  layerWeights: setting(v.optional(v.picklist(LAYER_WEIGHTS), "fixed"), "fixed", {
    label: "Layer weights",
    options: { fixed: "as set", learned: "learned" },
  }),
  /** Masses of tokens: all alike, or by the attention that they receive from their own sequence's states. */
  marginals: setting(v.optional(v.picklist(MARGINALS), "uniform"), "uniform", {
    label: "Token mass",
    options: { uniform: "uniform", attention: "by attention received" },
  }),
} as const;

export const transport = v.strictObject(entriesOf(TRANSPORT_SETTINGS));
export type TransportConfig = v.InferOutput<typeof transport>;

export const STABLE_TRANSPORT: TransportConfig = defaultsOf(TRANSPORT_SETTINGS);

/** The loop, cost and constants of CoT2Align's released code (METHODS §7.1). */
export const PUBLISHED_TRANSPORT: TransportConfig = { ...STABLE_TRANSPORT, ...PUBLISHED };

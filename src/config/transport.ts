// The names and constants of optimal transport that the solver, training, the screens and the command line share.

import { isRecord } from "../base/json";
/** How the distance of two states is measured. The place in this list is KIND in shaders/ot/cost_matrix.wgsl. */
export const COST_KINDS = ["euclidean", "sqeuclidean", "cosine", "attention"] as const;
export type CostKind = (typeof COST_KINDS)[number];

/** `log` is stable at every ε; `multiplicative` is the loop of CoT2Align's code, constants included. */
export const SCHEMES = ["log", "multiplicative"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** Which derivative of a transport loss: through every sweep, at a fixed plan, of the converged plan (docs/SINKHORN.md). */
export const GRADIENTS = ["unrolled", "envelope", "implicit"] as const;
export type PlanGradient = (typeof GRADIENTS)[number];

/** The loop, cost and constants of CoT2Align's released code (METHODS §7.1): K = exp(−alpha·C), so ε is 1/alpha. */
export const PUBLISHED_ALPHA = 0.1;
export const PUBLISHED = {
  cost: "attention",
  scheme: "multiplicative",
  epsilon: 1 / PUBLISHED_ALPHA,
  relative: false,
  maxIterations: 100,
  tolerance: 1e-9,
} as const;

/** Earlier versions called the multiplicative scheme "kernel": their configs and links are still read. */
export const currentScheme = (name: unknown): unknown => (name === "kernel" ? "multiplicative" : name);

/** A run's config or the Transport screen's state, with an earlier version's names replaced. */
export function withCurrentNames(json: unknown): unknown {
  if (!isRecord(json)) return json;
  const { method } = json;
  const renamed = "scheme" in json ? { ...json, scheme: currentScheme(json["scheme"]) } : json;
  if (!isRecord(method) || !isRecord(method["transport"])) return renamed;
  const transport = { ...method["transport"] };
  if ("scheme" in transport) transport["scheme"] = currentScheme(transport["scheme"]);
  return { ...renamed, method: { ...method, transport } };
}

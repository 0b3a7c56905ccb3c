// Beside a solve: how far its plans are from the product of their marginals, and marginals other than uniform. Equations: shaders/ot/plan_gauge.wgsl,
// attention_marginals.wgsl.
import { defineKernel, withConstants } from "../gpu/kernel";
import type { ProgramBuilder, Tensor } from "../gpu/program";
import attentionMarginalsWgsl from "../../shaders/ot/attention_marginals.wgsl?raw";
import planGaugeWgsl from "../../shaders/ot/plan_gauge.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import type { Solved } from "./sinkhorn";

const planGauge = defineKernel({
  entry: "plan_gauge",
  code: [problemWgsl, planGaugeWgsl],
  bindings: { problems: "read", plan: "read", marginals: "read", out: "write" },
});

const attentionMarginals = defineKernel({
  entry: "attention_marginals",
  code: [problemWgsl, attentionMarginalsWgsl],
  bindings: { own: "read", problems: "read", cost: "read", marginals: "write" },
});

/** (problems, 2): max |P/(a bᵀ) − 1| and the entropy of a bᵀ. */
export function recordPlanGauge(b: ProgramBuilder, solved: Solved): Tensor {
  const { problems, plan, marginals, capacity } = solved;
  const out = b.scratch("plan gauge", 2 * capacity.problems);
  b.dispatch(planGauge, { problems, plan, marginals, out }, [capacity.problems]);
  return out;
}

/** Masses by attention received, for the rows (`side` 0) or the columns (1) of every problem. */
export function recordAttentionMarginals(
  b: ProgramBuilder,
  {
    problems,
    count,
    marginals,
  }: { readonly problems: Tensor; readonly count: number; readonly marginals: Tensor },
  side: 0 | 1,
  self: { readonly problems: Tensor; readonly cost: Tensor },
): void {
  const bindings = { own: self.problems, problems, cost: self.cost, marginals };
  b.dispatch(withConstants(attentionMarginals, { SIDE: side }), bindings, [count]);
}

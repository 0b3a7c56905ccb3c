// The log-probability of a set of tokens, and weights by a bound. See shaders/loss/masked_log_sum.wgsl, threshold_weights.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import thresholdWeights from "../../../shaders/loss/threshold_weights.wgsl?raw";
import maskedLogSum_ from "../../../shaders/loss/masked_log_sum.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";
import { recordFill } from "../../student/ops/fill";
import { indexedBlocks } from "../../student/ops/local-rows";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";

const maskedLogSumKernel = defineKernel({
  entry: "masked_log_sum",
  code: [sum4, maskedLogSum_],
  bindings: {
    params: "uniform",
    rows: "read",
    members: "read",
    x: "read",
    stats: "read",
    kept: "read",
    dout: "read",
    out: "write",
  },
});
const maskedLogSumBackwardKernel = defineKernel({
  ...maskedLogSumKernel,
  entry: "masked_log_sum_backward",
});

export const thresholdWeightsKernel = defineKernel({
  entry: "threshold_weights",
  code: [thresholdWeights],
  bindings: { params: "uniform", weight: "read", value: "read", out: "write" },
});

/**
 * [R, V] → [G]: log P(members) at each row.
 *
 * @param rows u32 (G); NO_ROW gives 0. Every other index occurs once at most.
 * @param members u32 (V): 1 for the tokens of the set.
 */
export function maskedLogSum(tape: Tape, x: Var, rows: Tensor, members: Tensor): Var {
  const { b } = tape;
  const [all = 0, vocab = 0] = x.shape;
  const stats = recordSoftmaxStats(b, { values: x.value, rows: all, stride: vocab, vocab });
  const y = tape.result("log-probability of a set", [rows.length], [x]);
  const params = packParams(u32(vocab));
  for (const { of, local } of indexedBlocks(b, rows, all, x.value)) {
    const source = of(x.value);
    const inputs = { params, rows: local, members, x: source, stats: of(stats) };
    const forward = { ...inputs, kept: source, dout: source, out: y.value };
    b.dispatch(rowKernel(maskedLogSumKernel, vocab), forward, [rows.length]);
  }
  tape.record(y, (dout) => {
    const { tensor: out, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(b, out, 0);
    for (const { of, local } of indexedBlocks(b, rows, all, x.value, out)) {
      const inputs = { params, rows: local, members, x: of(x.value), stats: of(stats) };
      const backward = { ...inputs, kept: y.value, dout, out: of(out) };
      b.dispatch(rowKernel(maskedLogSumBackwardKernel, vocab), backward, [rows.length]);
    }
  });
  return y;
}

/** (G): the weight where the value is above the bound, else 0. */
export function recordThresholdWeights(
  b: ProgramBuilder,
  weight: Tensor,
  value: Tensor,
  bound: number,
): Tensor {
  const out = b.scratch(`${weight.label} kept`, weight.length);
  const params = packParams(u32(weight.length), f32(bound));
  b.dispatch(thresholdWeightsKernel, { params, weight, value, out }, [Math.ceil(weight.length / 64)]);
  return out;
}

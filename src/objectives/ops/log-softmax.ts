// Log-probabilities of rows: all of them (logSoftmax), or each row's label alone (labelLogProb).
// See shaders/loss/log_softmax.wgsl and shaders/loss/label_log_prob.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import labelLogProb_ from "../../../shaders/loss/label_log_prob.wgsl?raw";
import labelLogProbBackward from "../../../shaders/loss/label_log_prob_backward.wgsl?raw";
import logSoftmax_ from "../../../shaders/loss/log_softmax.wgsl?raw";
import logSoftmaxBackward from "../../../shaders/loss/log_softmax_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { foldGrid } from "../../student/grid";
import type { Tape, Var } from "../../student";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";

export const logSoftmaxKernel = defineKernel({
  entry: "log_softmax",
  code: [flatIndex, logSoftmax_],
  bindings: { params: "uniform", x: "read", stats: "read", y: "write" },
});

export const logSoftmaxBackwardKernel = defineKernel({
  entry: "log_softmax_backward",
  code: [sum4, logSoftmaxBackward],
  bindings: { params: "uniform", y: "read", dy: "read", dx: "write" },
});

export const labelLogProbKernel = defineKernel({
  entry: "label_log_prob",
  code: [labelLogProb_],
  bindings: { params: "uniform", labels: "read", x: "read", stats: "read", out: "write" },
});

export const labelLogProbBackwardKernel = defineKernel({
  entry: "label_log_prob_backward",
  code: [flatIndex, labelLogProbBackward],
  bindings: { params: "uniform", labels: "read", x: "read", stats: "read", dy: "read", dx: "write" },
});

/** [R, V] → [R, V]: log softmax(x / T). */
export function logSoftmax(tape: Tape, x: Var, temperature = 1): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const stats = recordSoftmaxStats(b, { values: x.value, rows, stride: vocab, vocab }, temperature);
  const y = tape.result(`log softmax ${x.label}`, [rows, vocab], [x]);
  const forward = packParams(u32(rows), u32(vocab), f32(1 / temperature));
  const bindings = { params: forward, x: x.value, stats, y: y.value };
  b.dispatch(logSoftmaxKernel, bindings, foldGrid(rows * vocab));
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const params = packParams(u32(vocab), u32(accumulate ? 1 : 0), f32(1 / temperature));
    b.dispatch(rowKernel(logSoftmaxBackwardKernel, vocab), { params, y: y.value, dy, dx }, [rows]);
  });
  return y;
}

/** [R, V] and u32 labels (R) → [R]: log softmax(x[r])[label[r]], 0 for NO_ROW. */
export function labelLogProb(tape: Tape, x: Var, labels: Tensor): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const stats = recordSoftmaxStats(b, { values: x.value, rows, stride: vocab, vocab });
  const y = tape.result("label log-probability", [rows], [x]);
  const inputs = { labels, x: x.value, stats };
  const params = packParams(u32(rows), u32(vocab));
  b.dispatch(labelLogProbKernel, { params, ...inputs, out: y.value }, [Math.ceil(rows / 64)]);
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const backward = packParams(u32(rows), u32(vocab), u32(accumulate ? 1 : 0));
    b.dispatch(labelLogProbBackwardKernel, { params: backward, ...inputs, dy, dx }, foldGrid(rows * vocab));
  });
  return y;
}

// Log-probabilities of rows: all of them (logSoftmax), or each row's label alone (labelLogProb).
// See shaders/loss/log_softmax.wgsl and shaders/loss/label_log_prob.wgsl.
import expLessOne from "../../../shaders/lib/exp_less_one.wgsl?raw";
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import floatKey from "../../../shaders/lib/float_key.wgsl?raw";
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import labelLogProb_ from "../../../shaders/loss/label_log_prob.wgsl?raw";
import labelLogProbBackward from "../../../shaders/loss/label_log_prob_backward.wgsl?raw";
import logSoftmax_ from "../../../shaders/loss/log_softmax.wgsl?raw";
import logSoftmaxBackward from "../../../shaders/loss/log_softmax_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import { foldGrid } from "../../student/grid";
import type { Tape, Var } from "../../student";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";

const logSoftmaxKernel = defineKernel({
  entry: "log_softmax",
  code: [flatIndex, logSoftmax_],
  bindings: { params: "uniform", x: "read", stats: "read", y: "write" },
});

const logSoftmaxBackwardKernel = defineKernel({
  entry: "log_softmax_backward",
  code: [floatKey, expLessOne, sum4, logSoftmaxBackward],
  bindings: { params: "uniform", y: "read", dy: "read", dx: "write" },
});

const labelLogProbKernel = defineKernel({
  entry: "label_log_prob",
  code: [labelLogProb_],
  bindings: { params: "uniform", labels: "read", x: "read", stats: "read", out: "write" },
});

const labelLogProbBackwardKernel = defineKernel({
  entry: "label_log_prob_backward",
  code: [flatIndex, expLessOne, labelLogProbBackward],
  bindings: { params: "uniform", labels: "read", x: "read", stats: "read", dy: "read", dx: "write" },
});

/** [R, V] → [R, V]: log softmax(x / T). */
export function logSoftmax(tape: Tape, x: Var, temperature = 1): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const stats = recordSoftmaxStats(b, { values: x.value, rows, stride: vocab, vocab }, temperature);
  const label = `log softmax ${x.label}`;
  const y = tape.result(label, [rows, vocab], [x], b.scratchLike(label, x.value));
  for (const { count, of } of rowBlocks(rows, x.value, y.value)) {
    const params = packParams(u32(count), u32(vocab), f32(1 / temperature));
    const bindings = { params, x: of(x.value), stats: of(stats), y: of(y.value) };
    b.dispatch(logSoftmaxKernel, bindings, foldGrid(count * vocab));
  }
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const params = packParams(u32(vocab), u32(accumulate ? 1 : 0), f32(1 / temperature));
    for (const { count, of } of rowBlocks(rows, y.value, dy, dx)) {
      const bindings = { params, y: of(y.value), dy: of(dy), dx: of(dx) };
      b.dispatch(rowKernel(logSoftmaxBackwardKernel, vocab), bindings, [count]);
    }
  });
  return y;
}

/** [R, V] and u32 labels (R) → [R]: log softmax(x[r])[label[r]], 0 for NO_ROW. */
export const labelLogProb = (tape: Tape, x: Var, labels: Tensor): Var => ofLabels(tape, x, labels, false);

/** The same of the logits themselves. */
export const labelLogit = (tape: Tape, x: Var, labels: Tensor): Var => ofLabels(tape, x, labels, true);

function ofLabels(tape: Tape, x: Var, labels: Tensor, raw: boolean): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const logits = { values: x.value, rows, stride: vocab, vocab };
  const stats = raw ? b.scratch("no stats", 2 * rows) : recordSoftmaxStats(b, logits);
  const y = tape.result(raw ? "label logit" : "label log-probability", [rows], [x]);
  const flag = u32(raw ? 1 : 0);
  for (const { count, of } of rowBlocks(rows, x.value)) {
    const params = packParams(u32(count), u32(vocab), flag);
    const inputs = { labels: of(labels), x: of(x.value), stats: of(stats) };
    b.dispatch(labelLogProbKernel, { params, ...inputs, out: of(y.value) }, [Math.ceil(count / 64)]);
  }
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    for (const { count, of } of rowBlocks(rows, x.value, dx)) {
      const params = packParams(u32(count), u32(vocab), u32(accumulate ? 1 : 0), flag);
      const inputs = { labels: of(labels), x: of(x.value), stats: of(stats), dy: of(dy) };
      b.dispatch(labelLogProbBackwardKernel, { params, ...inputs, dx: of(dx) }, foldGrid(count * vocab));
    }
  });
  return y;
}

// Attention between the rows of two sides of a ragged batch, each row within its own sample. See
// shaders/nn/block_softmax.wgsl and mix_two.wgsl.
import blockSoftmaxWgsl from "../../../shaders/nn/block_softmax.wgsl?raw";
import blockSoftmaxBackwardWgsl from "../../../shaders/nn/block_softmax_backward.wgsl?raw";
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import mixWgsl from "../../../shaders/nn/mix_two.wgsl?raw";
import workgroupSum from "../../../shaders/lib/workgroup_sum.wgsl?raw";
import type { SideBatch } from "../../data";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";
import { foldGrid } from "../../student/grid";
import { recordMatmul } from "../../student/ops/matmul";

export const blockSoftmaxKernel = defineKernel({
  entry: "block_softmax",
  code: [blockSoftmaxWgsl],
  bindings: { params: "uniform", scale: "uniform", ranges: "read", x: "read", y: "write" },
});

export const blockSoftmaxBackwardKernel = defineKernel({
  entry: "block_softmax_backward",
  code: [workgroupSum, blockSoftmaxBackwardWgsl],
  bindings: { params: "uniform", scale: "uniform", y: "read", dy: "read", dx: "write" },
});

export const mixKernel = defineKernel({
  entry: "mix_two",
  code: [flatIndex, mixWgsl],
  bindings: { params: "uniform", weights: "uniform", a: "read", b: "read", out: "write" },
});

/**
 * softmax(scale · x) of each row of x [R, C] within its range of columns.
 *
 * @param ranges u32 [R, 2], see `blockRanges`.
 * @param scale a uniform input of 4 f32; the first counts.
 */
export function blockSoftmax(tape: Tape, x: Var, ranges: Tensor, scale: Tensor): Var {
  const { b } = tape;
  const [rows = 0, cols = 0] = x.shape;
  const y = tape.result(`${x.label} softmax`, x.shape, [x]);
  b.dispatch(blockSoftmaxKernel, { params: packParams(u32(cols)), scale, ranges, x: x.value, y: y.value }, [
    rows,
  ]);
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const params = packParams(u32(cols), u32(accumulate ? 1 : 0));
    b.dispatch(blockSoftmaxBackwardKernel, { params, scale, y: y.value, dy, dx }, [rows]);
  });
  return y;
}

/** a [R, C] · b [C, D] → [R, D]. */
export function product(tape: Tape, a: Var, b: Var): Var {
  const [rows = 0, inner = 0] = a.shape;
  const [bRows = 0, cols = 0] = b.shape;
  if (bRows !== inner) throw new RangeError(`a product of ${inner} columns with ${bRows} rows`);
  const y = tape.result(`${a.label} · ${b.label}`, [rows, cols], [a, b]);
  recordMatmul(tape.b, { layout: "nn", rows, cols, inner, a: a.value, b: b.value, out: y.value });
  tape.record(y, (dy) => {
    if (a.needsGrad) {
      const { tensor: out, accumulate } = tape.gradTarget(a);
      const sizes = { rows, cols: inner, inner: cols };
      recordMatmul(tape.b, { layout: "nt", ...sizes, a: dy, b: b.value, out, accumulate });
    }
    if (b.needsGrad) {
      const { tensor: out, accumulate } = tape.gradTarget(b);
      const sizes = { rows: inner, cols, inner: rows };
      recordMatmul(tape.b, { layout: "tn", ...sizes, a: a.value, b: dy, out, accumulate });
    }
  });
  return y;
}

/** weights[0]·a + weights[1]·b, of constants; `weights` is a uniform input of 4 f32. */
export function mixConstants(tape: Tape, a: Tensor, b: Tensor, weights: Tensor): Tensor {
  const out = tape.b.scratch(`${a.label} mix`, a.length);
  const params = packParams(u32(a.length));
  tape.b.dispatch(mixKernel, { params, weights, a, b, out }, foldGrid(a.length));
  return out;
}

/** For each row of `of`, the rows of `over` that belong to the same sample: [from, to). Padding rows have none. */
export function blockRanges(of: SideBatch, over: SideBatch, rows: number): Uint32Array {
  const ranges = new Uint32Array(2 * rows);
  for (let b = 0; b < of.B; b++) {
    const [from = 0, to = 0] = of.rowOffsets.subarray(b, b + 2);
    const range = over.rowOffsets.subarray(b, b + 2);
    for (let r = from; r < to; r++) ranges.set(range, 2 * r);
  }
  return ranges;
}

// Sums over chunks of neighbouring rows. See shaders/loss/chunk_sum.wgsl.
import chunkSum_ from "../../../shaders/loss/chunk_sum.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";

const bindings = {
  params: "uniform",
  index: "read",
  x: "read",
  dout: "read",
  out: "write",
} as const;

const chunkSumKernel = defineKernel({ entry: "chunk_sum", code: [chunkSum_], bindings });
const chunkSumBackwardKernel = defineKernel({
  entry: "chunk_sum_backward",
  code: [chunkSum_],
  bindings,
});

export interface ChunkTables {
  /** u32 (G) pairs: rows [from, to) of each chunk. */
  readonly chunks: Tensor;
  /** u32 (R): the chunk that a row is in, or NO_ROW. */
  readonly chunkOf: Tensor;
}

/** [R] → [G]: Σ over the chunk's rows of max(x, least). */
export function chunkSum(tape: Tape, x: Var, { chunks, chunkOf }: ChunkTables, least = -1e30): Var {
  const { b } = tape;
  const count = chunks.length / 2;
  const y = tape.result("chunk sum", [count], [x]);
  const params = packParams(u32(count), u32(0), f32(least));
  const forward = { params, index: chunks, x: x.value, dout: x.value, out: y.value };
  b.dispatch(chunkSumKernel, forward, [Math.ceil(count / 64)]);
  tape.record(y, (dout) => {
    const { tensor: out, accumulate } = tape.gradTarget(x);
    const rows = x.value.length;
    const backward = packParams(u32(rows), u32(accumulate ? 1 : 0), f32(least));
    const inputs = { params: backward, index: chunkOf, x: x.value, dout, out };
    b.dispatch(chunkSumBackwardKernel, inputs, [Math.ceil(rows / 64)]);
  });
  return y;
}

// Means of rows over chunks, column by column. See shaders/loss/chunk_mean.wgsl.
import chunkMean_ from "../../../shaders/loss/chunk_mean.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import { rowBlocks } from "../../gpu/tensor";
import type { Tape, Var } from "../../student";
import type { ChunkTables } from "./chunk-sum";

const bindings = { params: "uniform", chunks: "read", chunk_of: "read", x: "read", out: "write" } as const;
const chunkMeanKernel = defineKernel({ entry: "chunk_mean", code: [chunkMean_], bindings });
const chunkMeanBackwardKernel = defineKernel({ entry: "chunk_mean_backward", code: [chunkMean_], bindings });

export interface ChunkMeanOptions {
  /** Sums in place of means. */
  readonly sums?: boolean;
  /** What a chunk without rows has; 0 by default. */
  readonly empty?: number;
}

/** [R, C] (or [R]) → [G, C]: the mean of each chunk's rows. */
export function chunkMean(
  tape: Tape,
  x: Var,
  { chunks, chunkOf }: ChunkTables,
  { sums = false, empty = 0 }: ChunkMeanOptions = {},
): Var {
  const { b } = tape;
  const [rows = 0, columns = 1] = x.shape;
  const count = chunks.length / 2;
  const y = tape.result(`${x.label} by chunk`, x.shape.length === 1 ? [count] : [count, columns], [x]);
  const params = (first: number, some: number, accumulate: boolean) =>
    packParams(
      ...[u32(columns), u32(first), u32(some), u32(sums ? 1 : 0)],
      ...[u32(accumulate ? 1 : 0), f32(empty)],
    );
  const tables = { chunks, chunk_of: chunkOf };
  const wide = Math.ceil(columns / 64);
  for (const { first, count: some, of } of rowBlocks(rows, x.value)) {
    const forward = { params: params(first, some, false), ...tables, x: of(x.value), out: y.value };
    b.dispatch(chunkMeanKernel, forward, [wide, count]);
  }
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    for (const { first, count: some, of } of rowBlocks(rows, dx)) {
      const backward = { params: params(first, some, accumulate), ...tables, x: dy, out: of(dx) };
      b.dispatch(chunkMeanBackwardKernel, backward, [wide, some]);
    }
  });
  return y;
}

// softmax stats: the largest logit and the log-sum of each row. See shaders/loss/softmax_stats.wgsl.
import isFinite_ from "../../../shaders/lib/is_finite.wgsl?raw";
import softmaxStats from "../../../shaders/loss/softmax_stats.wgsl?raw";
import { defineKernel, type KernelSpec, withConstants } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";

const softmaxStatsKernel = defineKernel({
  entry: "softmax_stats",
  code: [isFinite_, softmaxStats],
  bindings: { params: "uniform", x: "read", stats: "write" },
});

/** A vocabulary from which on a row is worth four times the threads. Reasoned, not measured. */
const WIDE_VOCABULARY = 16384;

/** A one-workgroup-per-row kernel with the workgroup that suits the vocabulary. */
export const rowKernel = <Name extends string>(spec: KernelSpec<Name>, vocab: number): KernelSpec<Name> =>
  vocab < WIDE_VOCABULARY ? spec : withConstants(spec, { WG: 256 });

/** Rows of logits of which the first `vocab` columns count. */
export interface LogitRows {
  readonly values: Tensor;
  readonly rows: number;
  readonly stride: number;
  readonly vocab: number;
}

/** (R) pairs: log p = (x − top)/T − rest. */
export function recordSoftmaxStats(b: ProgramBuilder, logits: LogitRows, temperature = 1): Tensor {
  const { values, rows, stride, vocab } = logits;
  const stats = b.scratch(`${values.label} stats`, 2 * rows);
  const params = packParams(u32(vocab), u32(stride), f32(1 / temperature));
  for (const { count, of } of rowBlocks(rows, values))
    b.dispatch(rowKernel(softmaxStatsKernel, vocab), { params, x: of(values), stats: of(stats) }, [count]);
  return stats;
}

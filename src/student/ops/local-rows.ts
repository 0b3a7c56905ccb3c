// Indices of rows for a matrix that lies in ranges: each range is worked on with indices of its own.
// See shaders/nn/local_rows.wgsl.
import localRows from "../../../shaders/nn/local_rows.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { type RowBlock, rowBlocks } from "../../gpu/tensor";

export const localRowsKernel = defineKernel({
  entry: "local_rows",
  code: [localRows],
  bindings: { params: "uniform", rows: "read", out: "write" },
});

export interface IndexedBlock extends RowBlock {
  /** The given indices, as this block counts them; ELSEWHERE for rows of other blocks, NO_ROW for none. */
  readonly local: Tensor;
}

/** The row blocks of matrices that are read or written by index: one, with the indices themselves, unless one is split. */
export function indexedBlocks(
  b: ProgramBuilder,
  indices: Tensor,
  total: number,
  ...matrices: readonly Tensor[]
): IndexedBlock[] {
  return rowBlocks(total, ...matrices).map((block) => {
    const { first, count } = block;
    if (count === total) return { ...block, local: indices };
    const local = b.scratch(`${indices.label} from ${first}`, indices.length);
    const params = packParams(u32(indices.length), u32(first), u32(count));
    b.dispatch(localRowsKernel, { params, rows: indices, out: local }, [Math.ceil(indices.length / 64)]);
    return { ...block, local };
  });
}

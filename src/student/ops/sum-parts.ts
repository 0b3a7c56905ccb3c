// sum parts: several tensors of one shape, one behind the other, added up in order. See shaders/nn/sum_parts.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import sumParts from "../../../shaders/nn/sum_parts.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { DispatchOptions, ProgramBuilder, Tensor } from "../../gpu/program";
import { foldGrid } from "../grid";

export const sumPartsKernel = defineKernel({
  entry: "sum_parts",
  code: [flatIndex, sumParts],
  bindings: { params: "uniform", parts: "read", out: "write" },
});

/** out (+)= Σ over the parts, each as long as out. */
export function recordSumParts(
  b: ProgramBuilder,
  parts: Tensor,
  { out, accumulate }: { out: Tensor; accumulate: boolean },
  options: DispatchOptions = {},
): void {
  const params = packParams(u32(out.length), u32(parts.length / out.length), u32(accumulate ? 1 : 0));
  b.dispatch(sumPartsKernel, { params, parts, out }, foldGrid(out.length), options);
}

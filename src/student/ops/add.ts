// add: residual sums; also copies and accumulates. See shaders/nn/add.wgsl.
import add_ from "../../../shaders/nn/add.wgsl?raw";
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import { foldGrid } from "../grid";

export const addKernel = defineKernel({
  entry: "add",
  code: [flatIndex, add_],
  bindings: { params: "uniform", a: "read", b: "read", out: "write" },
});

/** out (+)= a + b; without b a copy of a. */
export function recordAdd(
  builder: ProgramBuilder,
  { a, b, out, accumulate }: { a: Tensor; b?: Tensor; out: Tensor; accumulate: boolean },
): void {
  for (const { count, of } of rowBlocks(out.length, a, b ?? a, out)) {
    const params = packParams(u32(count), u32(b ? 0 : 1), u32(accumulate ? 1 : 0));
    builder.dispatch(addKernel, { params, a: of(a), b: of(b ?? a), out: of(out) }, foldGrid(count));
  }
}

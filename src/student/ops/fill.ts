// fill: a tensor becomes one value. See shaders/nn/fill.wgsl.
import fill from "../../../shaders/nn/fill.wgsl?raw";
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowRanges } from "../../gpu/tensor";
import { foldGrid } from "../grid";

export const fillKernel = defineKernel({
  entry: "fill",
  code: [flatIndex, fill],
  bindings: { params: "uniform", out: "write" },
});

export function recordFill(b: ProgramBuilder, out: Tensor, value: number): void {
  for (const { tensor, count } of rowRanges(out, 1))
    b.dispatch(fillKernel, { params: packParams(u32(count), f32(value)), out: tensor }, foldGrid(count));
}

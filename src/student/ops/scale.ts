// scale: a tensor times a constant. See shaders/nn/scale.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import scale_ from "../../../shaders/nn/scale.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const scaleKernel = defineKernel({
  entry: "scale",
  code: [flatIndex, scale_],
  bindings: { params: "uniform", x: "read", y: "write" },
});

/** factor · x. */
export function scale(tape: Tape, x: Var, factor: number): Var {
  const y = tape.result(`${x.label} scaled`, x.shape, [x]);
  const count = y.value.length;
  const params = (accumulate: boolean) => packParams(u32(count), f32(factor), u32(accumulate ? 1 : 0));
  tape.b.dispatch(scaleKernel, { params: params(false), x: x.value, y: y.value }, foldGrid(count));
  tape.record(y, (dy) => {
    const { tensor, accumulate } = tape.gradTarget(x);
    tape.b.dispatch(scaleKernel, { params: params(accumulate), x: dy, y: tensor }, foldGrid(count));
  });
  return y;
}

// rms_norm, forward and backward. See shaders/nn/rms_norm.wgsl and rms_norm_backward.wgsl.
import workgroupSum from "../../../shaders/lib/workgroup_sum.wgsl?raw";
import rmsNorm_ from "../../../shaders/nn/rms_norm.wgsl?raw";
import rmsNormBackward from "../../../shaders/nn/rms_norm_backward.wgsl?raw";
import { defineKernel, type KernelSpec, withConstants } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import { foldRows, rowWorkgroup } from "../grid";
import type { Tape, Var } from "../tape";
import { recordColumnDot } from "./linear";

export const rmsNormKernel = defineKernel({
  entry: "rms_norm",
  code: [workgroupSum, rmsNorm_],
  bindings: { params: "uniform", x: "read", w: "read", y: "write", inv: "write" },
});

export const rmsNormBackwardKernel = defineKernel({
  entry: "rms_norm_backward",
  code: [workgroupSum, rmsNormBackward],
  bindings: { params: "uniform", x: "read", w: "read", inv: "read", dy: "read", dx: "write" },
});

/** The kernel with the workgroup for rows of this width. */
export const ofWidth = <Name extends string>(spec: KernelSpec<Name>, width: number): KernelSpec<Name> =>
  withConstants(spec, { WG: rowWorkgroup(width) });

export interface RmsNormOptions {
  readonly eps: number;
  /** Added to the weight: 1 in Gemma, whose weights are stored around 0. */
  readonly offset?: number;
}

/** x normalized in rows as wide as w (D), and scaled by w. A row of x may hold several: the heads of a token. */
export function rmsNorm(tape: Tape, x: Var, w: Var, { eps, offset = 0 }: RmsNormOptions): Var {
  const { b } = tape;
  const width = w.value.length;
  const rows = x.value.length / width;
  if (!Number.isInteger(rows))
    throw new RangeError(`rms_norm "${w.label}" takes rows of ${width}, got ${x.value.length} values`);
  const y = tape.result(w.label.replace(/\.weight$/, ""), x.shape, [x, w]);
  const inv = b.scratch(`${y.label} inv`, rows);
  const params = packParams(u32(rows), u32(width), f32(eps), f32(offset));
  b.dispatch(
    ofWidth(rmsNormKernel, width),
    { params, x: x.value, w: w.value, y: y.value, inv },
    foldRows(rows),
  );

  tape.record(y, (dy) => {
    if (w.needsGrad) {
      recordColumnDot(b, { rows, width }, dy, tape.gradTarget(w), { x: x.value, inv });
    }
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const backward = packParams(u32(rows), u32(width), f32(offset), u32(accumulate ? 1 : 0));
    const bindings = { params: backward, x: x.value, w: w.value, inv, dy, dx };
    b.dispatch(ofWidth(rmsNormBackwardKernel, width), bindings, foldRows(rows));
  });
  return y;
}

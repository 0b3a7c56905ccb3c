// rms_norm, forward and backward. See shaders/nn/rms_norm.wgsl and rms_norm_backward.wgsl.
import workgroupSum from "../../../shaders/lib/workgroup_sum.wgsl?raw";
import rmsNorm_ from "../../../shaders/nn/rms_norm.wgsl?raw";
import rmsNormBackward from "../../../shaders/nn/rms_norm_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
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

/** x (N, D) normalized by row and scaled by w (D). */
export function rmsNorm(tape: Tape, x: Var, w: Var, eps: number): Var {
  const { b } = tape;
  const [rows = 0, width = 0] = x.shape;
  const y = tape.result(w.label.replace(/\.weight$/, ""), x.shape, [x, w]);
  const inv = b.scratch(`${y.label} inv`, rows);
  const params = packParams(u32(width), f32(eps));
  b.dispatch(rmsNormKernel, { params, x: x.value, w: w.value, y: y.value, inv }, [rows]);

  tape.record(y, (dy) => {
    if (w.needsGrad) {
      recordColumnDot(b, { rows, width }, dy, tape.gradTarget(w), { x: x.value, inv });
    }
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const backward = packParams(u32(width), u32(accumulate ? 1 : 0));
    b.dispatch(rmsNormBackwardKernel, { params: backward, x: x.value, w: w.value, inv, dy, dx }, [rows]);
  });
  return y;
}

// layer_norm, forward and backward. See shaders/nn/layer_norm*.wgsl.
import workgroupSum from "../../../shaders/lib/workgroup_sum.wgsl?raw";
import layerNorm_ from "../../../shaders/nn/layer_norm.wgsl?raw";
import layerNormBackward from "../../../shaders/nn/layer_norm_backward.wgsl?raw";
import layerNormWeights from "../../../shaders/nn/layer_norm_weights.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import { foldRows } from "../grid";
import type { Tape, Var } from "../tape";

export const layerNormKernel = defineKernel({
  entry: "layer_norm",
  code: [workgroupSum, layerNorm_],
  bindings: { params: "uniform", x: "read", w: "read", b: "read", y: "write", stats: "write" },
});

export const layerNormBackwardKernel = defineKernel({
  entry: "layer_norm_backward",
  code: [workgroupSum, layerNormBackward],
  bindings: { params: "uniform", x: "read", w: "read", stats: "read", dy: "read", dx: "write" },
});

export const layerNormWeightsKernel = defineKernel({
  entry: "layer_norm_weights",
  code: [layerNormWeights],
  bindings: { params: "uniform", dy: "read", x: "read", stats: "read", dw: "write", db: "write" },
});

/** x (N, D) with mean 0 and variance 1 in each row, scaled by w (D) and moved by bias (D). */
export function layerNorm(tape: Tape, x: Var, w: Var, bias: Var, eps: number): Var {
  const { b } = tape;
  const [rows = 0, width = 0] = x.shape;
  const y = tape.result(w.label.replace(/\.weight$/, ""), x.shape, [x, w, bias]);
  const stats = b.scratch(`${y.label} stats`, 2 * rows);
  const params = packParams(u32(rows), u32(width), f32(eps));
  const forward = { params, x: x.value, w: w.value, b: bias.value, y: y.value, stats };
  b.dispatch(layerNormKernel, forward, foldRows(rows));

  tape.record(y, (dy) => {
    if (w.needsGrad || bias.needsGrad) {
      const [dw, db] = [tape.gradSink(w), tape.gradSink(bias)];
      const flags = [dw, db].map(({ accumulate }) => u32(accumulate ? 1 : 0));
      b.dispatch(
        layerNormWeightsKernel,
        {
          params: packParams(u32(rows), u32(width), ...flags),
          dy,
          x: x.value,
          stats,
          dw: dw.tensor,
          db: db.tensor,
        },
        [Math.ceil(width / 8)],
      );
    }
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const backward = packParams(u32(rows), u32(width), u32(accumulate ? 1 : 0));
    b.dispatch(
      layerNormBackwardKernel,
      { params: backward, x: x.value, w: w.value, stats, dy, dx },
      foldRows(rows),
    );
  });
  return y;
}

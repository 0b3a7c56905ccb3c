// Learned weights of transport's layers, the paper's own future work: w = L·softmax(θ), θ trained beside the projector.
// Minimizing Σ w_l·OT_l moves weight to the layers that align most easily. See shaders/ot/layer_weights.wgsl.
import layerWeightsWgsl from "../../shaders/ot/layer_weights.wgsl?raw";
import layerWeightsBackwardWgsl from "../../shaders/ot/layer_weights_backward.wgsl?raw";
import problemWgsl from "../../shaders/ot/problem.wgsl?raw";
import { defineKernel } from "../gpu/kernel";
import { packParams, u32 } from "../gpu/params";
import type { Tensor } from "../gpu/program";
import type { NewParameter, ParamStore, Tape } from "../student";

const layerWeightsKernel = defineKernel({
  entry: "layer_weights",
  code: [layerWeightsWgsl],
  bindings: { params: "uniform", theta: "read", base: "read", weights: "write", shares: "write" },
});

const layerWeightsBackwardKernel = defineKernel({
  entry: "layer_weights_backward",
  code: [problemWgsl, layerWeightsBackwardWgsl],
  bindings: { params: "uniform", shares: "read", base: "read", state: "read", dtheta: "write" },
});

const THETA = "projector.layer_weights";

/** All layers begin with weight 1. */
export const layerWeightParameter = (layers: number): NewParameter => ({
  name: THETA,
  shape: [layers],
  data: new Float32Array(layers),
  group: "projector",
  decay: false,
});

export interface LayerWeights {
  /** (problems): the base weights times their layer's share. */
  readonly weights: Tensor;
  /** (L): w. */
  readonly shares: Tensor;
  /** Record the gradient to θ, once the solver's report is there. */
  backward(state: Tensor): void;
}

/** @param base (problems): layer l owns problems l·per to (l+1)·per. */
export function recordLayerWeights(
  tape: Tape,
  params: ParamStore,
  base: Tensor,
  { layers, per }: { readonly layers: number; readonly per: number },
): LayerWeights {
  const { b } = tape;
  const theta = params.leaf(tape, THETA);
  const weights = b.scratch("layer weights", base.length);
  const shares = b.scratch("layer shares", layers);
  const sizes = packParams(u32(layers), u32(per));
  b.dispatch(layerWeightsKernel, { params: sizes, theta: theta.value, base, weights, shares }, [1]);
  return {
    weights,
    shares,
    backward(state) {
      if (!theta.needsGrad) return;
      const { tensor: dtheta, accumulate } = tape.gradTarget(theta);
      const backward = packParams(u32(layers), u32(per), u32(accumulate ? 1 : 0));
      b.dispatch(layerWeightsBackwardKernel, { params: backward, shares, base, state, dtheta }, [1]);
    },
  };
}

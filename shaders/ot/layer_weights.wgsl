// ot/layer_weights.wgsl — learned weights of layers: each problem's weight times its layer's share.
//
//   w_l = L · softmax(θ)_l      weights[p] = base[p] · w_l   for the problems of layer l       L layers; all 1 at θ = 0
//
// Shapes   theta (L) · base, weights (P): layer l owns problems l·per to (l+1)·per · shares (L): w
// Grid     one workgroup: dispatch (1). L and P are small.
// WG = 64  every lane finds the soft-max anew: L is a handful.
// Oracle   reference/objectives/make_transport_goldens.py. Tested by test/gradients/transport-layers.test.ts.

override WG: u32 = 64u;

struct Params {
  layers: u32, // L
  per: u32,    // problems of one layer
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> theta: array<f32>;
@group(0) @binding(2) var<storage, read> base: array<f32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> shares: array<f32>;

@compute @workgroup_size(WG)
fn layer_weights(@builtin(local_invocation_index) tid: u32) {
  var top = theta[0];
  for (var l = 1u; l < params.layers; l++) { top = max(top, theta[l]); }
  var total = 0.0;
  for (var l = 0u; l < params.layers; l++) { total += exp(theta[l] - top); }
  let scale = f32(params.layers) / total;
  for (var l = tid; l < params.layers; l += WG) { shares[l] = exp(theta[l] - top) * scale; }
  for (var p = tid; p < params.layers * params.per; p += WG) {
    weights[p] = base[p] * exp(theta[p / params.per] - top) * scale;
  }
}

// ot/layer_weights_backward.wgsl — the gradient of the weighted transport loss to θ.
//
//   loss = Σ_l w_l c_l,   c_l = Σ_{p of layer l} base[p]·⟨P,C⟩_p,   w = L·softmax(θ)
//   dθ_k (+)= w_k · (c_k − (1/L) Σ_l w_l c_l)
//
// Shapes   shares (L): w · base (P) · state (P, 16): the solver's report, where ⟨P,C⟩ is · dtheta (L)
// Grid     one workgroup: dispatch (1).
// WG = 64  one lane a layer; the mean is each lane's own sum.
// Oracle   reference/objectives/make_transport_goldens.py. Tested by test/gradients/transport-layers.test.ts.
// Uses     ot/problem.wgsl

override WG: u32 = 64u;

struct Params {
  layers: u32,
  per: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read> base: array<f32>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> dtheta: array<f32>;

fn layer_cost(l: u32) -> f32 {
  var sum = 0.0;
  for (var p = l * params.per; p < (l + 1u) * params.per; p++) { sum += base[p] * state[p * STATE + S_LINEAR]; }
  return sum;
}

@compute @workgroup_size(WG)
fn layer_weights_backward(@builtin(local_invocation_index) tid: u32) {
  var mean = 0.0;
  for (var l = 0u; l < params.layers; l++) { mean += shares[l] * layer_cost(l); }
  mean /= f32(params.layers);
  for (var l = tid; l < params.layers; l += WG) {
    var g = shares[l] * (layer_cost(l) - mean);
    if (params.accumulate == 1u) { g += dtheta[l]; }
    dtheta[l] = g;
  }
}

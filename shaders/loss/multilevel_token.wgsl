// loss/multilevel_token.wgsl — MultiLevelOT's token level: two rows of K leading probabilities; and the gradient.
//
//   loss[p] = Σ_j |a_j − b_j| + w · ( −Σ_j softmax(b)_j · log softmax(a)_j )
//   multilevel_token_backward:  da[row, j] += scale · weight[p] · ( sign(a_j − b_j) + w·(softmax(a)_j − softmax(b)_j) )
//
// The soft-max of probabilities, not of logits, is the published code's (METHODS §9).
// Shapes   a (Rs, K), b (Rt, K) · pairs (P): (student row, teacher row), 0xffffffff = no pair · weight, loss (P)
//          A student row occurs in one pair at most.
// Grid     one workgroup per pair: dispatch (P).
// WG = 64  3 barriers.
// Numerics f32; probabilities need no shift.
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  top: u32, // K
  entropy_weight: f32, // w
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale; // backward only
@group(0) @binding(2) var<storage, read> pairs: array<vec2u>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> a: array<f32>;
@group(0) @binding(5) var<storage, read> b: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>; // loss; da in the backward pass

/// Σ_j of: |a − b|, eᵃ, eᵇ, eᵇ·a.
fn pair_sums(tid: u32, pair: vec2u) -> vec4f {
  var sums = vec4f();
  for (var j = tid; j < params.top; j += WG) {
    let s = a[pair.x * params.top + j];
    let t = b[pair.y * params.top + j];
    sums += vec4f(abs(s - t), exp(s), exp(t), exp(t) * s);
  }
  return workgroup_sum4(tid, sums);
}

@compute @workgroup_size(WG)
fn multilevel_token(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let pair = pairs[group.x];
  if (pair.x == 0xffffffffu) {
    if (tid == 0u) { out[group.x] = 0.0; }
    return;
  }
  let sums = pair_sums(tid, pair);
  if (tid == 0u) { out[group.x] = sums.x + params.entropy_weight * (log(sums.y) - sums.w / sums.z); }
}

@compute @workgroup_size(WG)
fn multilevel_token_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let pair = pairs[group.x];
  if (pair.x == 0xffffffffu) { return; }
  let sums = pair_sums(tid, pair);
  let w = scale.factor * weight[group.x];
  for (var j = tid; j < params.top; j += WG) {
    let s = a[pair.x * params.top + j];
    let t = b[pair.y * params.top + j];
    let entropy = exp(s) / sums.y - exp(t) / sums.z;
    out[pair.x * params.top + j] += w * (sign(s - t) + params.entropy_weight * entropy);
  }
}

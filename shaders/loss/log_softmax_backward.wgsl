// loss/log_softmax_backward.wgsl — the adjoint of loss/log_softmax.wgsl.
//
//   dx[r,v] (+)= ( dy[r,v] − exp(y[r,v]) · Σ_u dy[r,u] ) / T
//
// The likeliest column's dy stays out of the sum, and its own part is dy·(1 − e^y) − e^y·Σ_others: where it is all but certain,
// the difference as it stands would lose every digit.
// Shapes   y, dy, dx (R, V)
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary: 5 barriers.
// Numerics f32; the order of additions is fixed.
// Oracle   finite differences. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/float_key.wgsl, lib/exp_less_one.wgsl, lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
  accumulate: u32,
  inverse_temperature: f32, // 1 / T
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

var<workgroup> largest: atomic<u32>;
var<workgroup> first_largest: atomic<u32>;

@compute @workgroup_size(WG)
fn log_softmax_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.vocab;
  if (tid == 0u) {
    atomicStore(&largest, 0u);
    atomicStore(&first_largest, 0xffffffffu);
  }
  workgroupBarrier();
  var own = 0u;
  for (var v = tid; v < params.vocab; v += WG) { own = max(own, float_key(y[row + v])); }
  atomicMax(&largest, own);
  workgroupBarrier();
  let key = atomicLoad(&largest);
  for (var v = tid; v < params.vocab; v += WG) {
    if (float_key(y[row + v]) == key) { atomicMin(&first_largest, v); }
  }
  workgroupBarrier();
  let top = atomicLoad(&first_largest);
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) {
    if (v != top) { sum += dy[row + v]; }
  }
  let others = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  for (var v = tid; v < params.vocab; v += WG) {
    let i = row + v;
    let p = exp(y[i]);
    var g = dy[i] - p * (others + dy[row + top]);
    if (v == top) { g = -exp_less_one(y[i]) * dy[i] - p * others; }
    g *= params.inverse_temperature;
    if (params.accumulate == 1u) { g += dx[i]; }
    dx[i] = g;
  }
}

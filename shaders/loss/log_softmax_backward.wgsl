// loss/log_softmax_backward.wgsl — the adjoint of loss/log_softmax.wgsl.
//
//   dx[r,v] (+)= ( dy[r,v] − exp(y[r,v]) · Σ_u dy[r,u] ) / T
//
// Shapes   y, dy, dx (R, V)
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary: 3 barriers.
// Numerics f32; the order of additions is fixed.
// Oracle   finite differences. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/workgroup_sum4.wgsl

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

@compute @workgroup_size(WG)
fn log_softmax_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.vocab;
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) { sum += dy[row + v]; }
  let total = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  for (var v = tid; v < params.vocab; v += WG) {
    let i = row + v;
    var g = (dy[i] - exp(y[i]) * total) * params.inverse_temperature;
    if (params.accumulate == 1u) { g += dx[i]; }
    dx[i] = g;
  }
}

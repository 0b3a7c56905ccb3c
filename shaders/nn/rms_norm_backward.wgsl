// nn/rms_norm_backward.wgsl — the gradient of rms_norm with respect to its input.
//
//   dx[n,:] (+)= inv · ( w ⊙ dy[n,:] − x[n,:] · inv² · mean_d( w·dy·x ) )
//
// Shapes   x, dy, dx (N, D) · w (D) · inv (N) from the forward pass
// Grid     one workgroup per row: dispatch (N).
// WG = 64  2 barriers.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-rms-norm.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  width: u32,      // D
  accumulate: u32, // 1: add to what dx holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> inv: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn rms_norm_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.width;
  let scale = inv[group.x];
  var part = 0.0; // normalized x first: x·inv is near 1, so nothing overflows on the way
  for (var d = tid; d < params.width; d += WG) { part += w[d] * dy[row + d] * (x[row + d] * scale); }
  let mean = workgroup_sum(tid, part) / f32(params.width);
  for (var d = tid; d < params.width; d += WG) {
    var g = scale * (w[d] * dy[row + d] - x[row + d] * scale * mean);
    if (params.accumulate == 1u) { g += dx[row + d]; }
    dx[row + d] = g;
  }
}

// nn/rms_norm_backward.wgsl — the gradient of rms_norm with respect to its input.
//
//   dx[n,:] (+)= inv · ( g[n,:] − x[n,:] · inv² · mean_d( g·x ) ),   g = (w + o) ⊙ dy
//
// Shapes   x, dy, dx (N, D) · w (D) · inv (N) from the forward pass
// Grid     one workgroup per row: dispatch foldRows(N).
// WG       a thread for 8 values, 8 to 64 of them (rowWorkgroup); 2 barriers.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-rms-norm.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32,       // N
  width: u32,      // D
  offset: f32,     // o
  accumulate: u32, // 1: add to what dx holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> inv: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn rms_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let n = group.y * groups.x + group.x;
  if (n >= params.rows) { return; }
  let row = n * params.width;
  let scale = inv[n];
  var part = 0.0; // normalized x first: x·inv is near 1, so nothing overflows on the way
  for (var d = tid; d < params.width; d += WG) {
    part += (w[d] + params.offset) * dy[row + d] * (x[row + d] * scale);
  }
  let mean = workgroup_sum(tid, part) / f32(params.width);
  for (var d = tid; d < params.width; d += WG) {
    var g = scale * ((w[d] + params.offset) * dy[row + d] - x[row + d] * scale * mean);
    if (params.accumulate == 1u) { g += dx[row + d]; }
    dx[row + d] = g;
  }
}

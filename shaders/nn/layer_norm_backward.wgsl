// nn/layer_norm_backward.wgsl — the gradient of layer_norm with respect to its input.
//
//   dx[n,:] (+)= inv · ( g − mean_d(g) − z · mean_d(g·z) ),   g = w ⊙ dy[n,:],  z = (x[n,:] − mean) · inv
//
// Shapes   x, dy, dx (N, D) · w (D) · stats (N): (mean, inv) from the forward pass
// Grid     one workgroup per row: dispatch foldRows(N).
// WG = 64  5 barriers.
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-layer-norm.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32,       // N
  width: u32,      // D
  accumulate: u32, // 1: add to what dx holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn layer_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let n = group.y * groups.x + group.x;
  if (n >= params.rows) { return; }
  let row = n * params.width;
  let mean = stats[n].x;
  let inv = stats[n].y;
  var plain = 0.0;
  var scaled = 0.0;
  for (var d = tid; d < params.width; d += WG) {
    let g = w[d] * dy[row + d];
    plain += g;
    scaled += g * ((x[row + d] - mean) * inv);
  }
  let mean_g = workgroup_sum(tid, plain) / f32(params.width);
  workgroupBarrier(); // the first sum's last reads, before the second writes
  let mean_gz = workgroup_sum(tid, scaled) / f32(params.width);
  for (var d = tid; d < params.width; d += WG) {
    var out = inv * (w[d] * dy[row + d] - mean_g - (x[row + d] - mean) * inv * mean_gz);
    if (params.accumulate == 1u) { out += dx[row + d]; }
    dx[row + d] = out;
  }
}

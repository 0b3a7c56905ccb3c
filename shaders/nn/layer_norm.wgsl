// nn/layer_norm.wgsl — layer normalization of each row.
//
//   y[n,:] = w ⊙ (x[n,:] − mean) · inv + b,   inv = 1 / √( mean_d (x[n,d] − mean)² + ε )
//
// Source   Ba 2016, as in PyTorch's LayerNorm (biased variance).
// Shapes   x, y (N, D) · w, b (D) · stats (N): (mean, inv), kept for the backward pass
// Grid     one workgroup per row: dispatch foldRows(N).
// WG = 64  rows are 64–2048 wide; 5 barriers.
// Numerics f32, two passes: the variance is of differences from the mean, so a large common offset does not cancel.
// Oracle   test/oracle/nn-layers.ts. Tested by test/kernels/nn-layer-norm.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32,  // N
  width: u32, // D
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<vec2f>;

@compute @workgroup_size(WG)
fn layer_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let n = group.y * groups.x + group.x;
  if (n >= params.rows) { return; }
  let row = n * params.width;
  var total = 0.0;
  for (var d = tid; d < params.width; d += WG) { total += x[row + d]; }
  let mean = workgroup_sum(tid, total) / f32(params.width);
  var squares = 0.0;
  for (var d = tid; d < params.width; d += WG) {
    let off = x[row + d] - mean;
    squares += off * off;
  }
  workgroupBarrier(); // the first sum's last reads, before the second writes
  let variance = workgroup_sum(tid, squares) / f32(params.width);
  let inv = 1.0 / sqrt(variance + params.eps);
  for (var d = tid; d < params.width; d += WG) { y[row + d] = w[d] * ((x[row + d] - mean) * inv) + b[d]; }
  if (tid == 0u) { stats[n] = vec2f(mean, inv); }
}

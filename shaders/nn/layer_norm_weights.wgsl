// nn/layer_norm_weights.wgsl — the gradients of layer_norm with respect to its weight and bias.
//
//   dw[d] (+)= Σ_n dy[n,d] · (x[n,d] − mean[n]) · inv[n]          db[d] (+)= Σ_n dy[n,d]
//
// Shapes   dy, x (N, D) · stats (N): (mean, inv) from the forward pass · dw, db (D)
// Grid     one workgroup per 8 columns: dispatch (⌈D/8⌉).
// WG = 64  8 columns × 8 row lanes: neighbours read neighbouring columns; one barrier.
// Numerics f32: each lane adds every 8th row, then the 8 lanes are added in order.
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-layer-norm.test.ts.

struct Params {
  rows: u32,  // N
  width: u32, // D
  accumulate_weight: u32,
  accumulate_bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> dw: array<f32>;
@group(0) @binding(5) var<storage, read_write> db: array<f32>;

var<workgroup> parts: array<vec2f, 64>;

@compute @workgroup_size(8, 8)
fn layer_norm_weights(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let d = group.x * 8u + lane.x;
  var sum = vec2f();
  if (d < params.width) {
    for (var n = lane.y; n < params.rows; n += 8u) {
      let at = n * params.width + d;
      sum += dy[at] * vec2f((x[at] - stats[n].x) * stats[n].y, 1.0);
    }
  }
  parts[lane.y * 8u + lane.x] = sum;
  workgroupBarrier();
  if (lane.y == 0u && d < params.width) {
    var total = vec2f();
    for (var i = 0u; i < 8u; i++) { total += parts[i * 8u + lane.x]; }
    if (params.accumulate_weight == 1u) { total.x += dw[d]; }
    if (params.accumulate_bias == 1u) { total.y += db[d]; }
    dw[d] = total.x;
    db[d] = total.y;
  }
}

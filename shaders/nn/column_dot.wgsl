// nn/column_dot.wgsl — sums over rows: the gradient of a bias, and of a norm's weight.
//
//   out[d] (+)= Σ_n dy[n,d]                      plain: a bias
//   out[d] (+)= Σ_n dy[n,d] · x[n,d] · inv[n]    scaled: the weight of rms_norm
//
// Shapes   dy, x (N, D) · inv (N) · out (D). Plain reads neither x nor inv (bind dy in their place).
// Grid     one workgroup per 8 columns: dispatch (⌈D/8⌉).
// WG = 64  8 columns × 8 row lanes: neighbours read neighbouring columns; one barrier.
// Numerics f32: each lane adds every 8th row, then the 8 lanes are added in order.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rms-norm.test.ts.

struct Params {
  rows: u32,  // N
  width: u32, // D
  scaled: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> inv: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(8, 8)
fn column_dot(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let d = group.x * 8u + lane.x;
  var sum = 0.0;
  if (d < params.width) {
    for (var n = lane.y; n < params.rows; n += 8u) {
      let at = n * params.width + d;
      if (params.scaled == 1u) {
        sum += dy[at] * (x[at] * inv[n]);
      } else {
        sum += dy[at];
      }
    }
  }
  parts[lane.y * 8u + lane.x] = sum;
  workgroupBarrier();
  if (lane.y == 0u && d < params.width) {
    var total = 0.0;
    for (var i = 0u; i < 8u; i++) { total += parts[i * 8u + lane.x]; }
    if (params.accumulate == 1u) { total += out[d]; }
    out[d] = total;
  }
}

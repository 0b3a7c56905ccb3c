// loss/z_scale.wgsl — logits in units of their own spread, and the adjoint.
//
//   y[r,v] = c·x[r,v],   c = 1 / (T·(σ_r + 1e-4)),   σ_r the unbiased standard deviation of row r
//   z_scale_backward:  dx[r,v] (+)= c·dy[r,v] − T·c²·(Σ_u dy[r,u]·x[r,u]) · (x[r,v] − μ_r) / ((V−1)·σ_r)
//
// Source   MultiLevelOT (AAAI 2025, METHODS §9).
// Shapes   x, y, dy, dx (R, V) · stats (R): (μ, σ)
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary: 6 barriers forward, 3 backward.
// Numerics f32; σ from differences to the mean. A row of equal logits has σ = 0 and takes no gradient through it.
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
  accumulate: u32,
  temperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>; // backward only
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>; // y; dx in the backward pass

const SPREAD_EPSILON = 1e-4;

@compute @workgroup_size(WG)
fn z_scale(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.vocab;
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) { sum += x[row + v]; }
  let mean = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x / f32(params.vocab);
  var squares = 0.0;
  for (var v = tid; v < params.vocab; v += WG) {
    let d = x[row + v] - mean;
    squares += d * d;
  }
  let total = workgroup_sum4(tid, vec4f(squares, 0.0, 0.0, 0.0)).x;
  let deviation = sqrt(total / f32(max(params.vocab, 2u) - 1u));
  let c = 1.0 / (params.temperature * (deviation + SPREAD_EPSILON));
  for (var v = tid; v < params.vocab; v += WG) { out[row + v] = c * x[row + v]; }
  if (tid == 0u) { stats[group.x] = vec2f(mean, deviation); }
}

@compute @workgroup_size(WG)
fn z_scale_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.vocab;
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) { sum += dy[row + v] * x[row + v]; }
  let dot = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  let s = stats[group.x];
  let c = 1.0 / (params.temperature * (s.y + SPREAD_EPSILON));
  var pull = 0.0;
  if (s.y > 0.0) { pull = params.temperature * c * c * dot / (f32(params.vocab - 1u) * s.y); }
  for (var v = tid; v < params.vocab; v += WG) {
    var g = c * dy[row + v] - pull * (x[row + v] - s.x);
    if (params.accumulate == 1u) { g += out[row + v]; }
    out[row + v] = g;
  }
}

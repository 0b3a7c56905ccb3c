// loss/sample_sums.wgsl — the probability of each token, summed over a sample's rows.
//
//   out[b,v] = Σ_{from[b] ≤ r < to[b]} exp(x[r,v])
//
// Shapes   x (R, V): log-probabilities · ranges (B): (from, to) · out (B, V)
// Grid     dispatch (⌈V/64⌉, B).
// WG = 64
// Numerics f32.
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.

struct Params {
  vocab: u32, // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn sample_sums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let v = group.x * 64u + tid;
  if (v >= params.vocab) { return; }
  let range = ranges[group.y];
  var sum = 0.0;
  for (var r = range.x; r < range.y; r++) { sum += exp(x[r * params.vocab + v]); }
  out[group.y * params.vocab + v] = sum;
}

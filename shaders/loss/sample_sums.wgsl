// loss/sample_sums.wgsl — the probability of each token, summed over a sample's rows.
//
//   out[b,v] = Σ_{from[b] ≤ r < to[b]} exp(x[r,v])
//
// Shapes   x (count, V): log-probabilities of rows first … first+count−1 · ranges (B): (from, to) · out (B, V)
//          Rows in ranges take one dispatch for each, in order: all but the first add to what out holds.
// Grid     dispatch (⌈V/64⌉, B).
// WG = 64
// Numerics f32.
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.

struct Params {
  vocab: u32, // V
  first: u32, // of x's rows
  count: u32,
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
  let at = group.y * params.vocab + v;
  var sum = 0.0;
  if (params.first > 0u) { sum = out[at]; }
  let end = min(range.y, params.first + params.count);
  for (var r = max(range.x, params.first); r < end; r++) {
    sum += exp(x[(r - params.first) * params.vocab + v]);
  }
  out[at] = sum;
}

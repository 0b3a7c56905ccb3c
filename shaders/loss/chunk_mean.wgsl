// loss/chunk_mean.wgsl — means, or sums, of the rows of each chunk, column by column; and the adjoint.
//
//   out[g,v] = 1/n Σ_{from[g] ≤ r < to[g]} x[r,v],   `empty` where from = to;   n is 1 for sums
//   chunk_mean_backward:  out[r,v] (+)= x[chunk_of[r], v] / n      (out is dx, x is dy)
//
// Shapes   chunks (G): (from, to) · chunk_of (R): 0xffffffff = in none · x (R, C) · out (G, C)
//          Rows in ranges take one dispatch each, in order: all but the first add to what out holds.
// Grid     dispatch (⌈C/64⌉, G); backward (⌈C/64⌉, R).
// WG = 64
// Numerics f32; the order of additions is fixed.
// Oracle   sums in the test. Tested by test/kernels/group-ops.test.ts.

struct Params {
  columns: u32, // C
  first: u32, // of the rows of x; of out in the backward pass
  count: u32,
  sums: u32,
  accumulate: u32,
  empty: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> chunks: array<vec2u>;
@group(0) @binding(2) var<storage, read> chunk_of: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn share(chunk: vec2u) -> f32 {
  return select(1.0 / f32(chunk.y - chunk.x), 1.0, params.sums == 1u);
}

@compute @workgroup_size(64)
fn chunk_mean(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let v = group.x * 64u + tid;
  if (v >= params.columns) { return; }
  let chunk = chunks[group.y];
  let at = group.y * params.columns + v;
  if (chunk.x >= chunk.y) {
    out[at] = params.empty;
    return;
  }
  var sum = 0.0;
  let end = min(chunk.y, params.first + params.count);
  for (var r = max(chunk.x, params.first); r < end; r++) { sum += x[(r - params.first) * params.columns + v]; }
  sum *= share(chunk);
  if (params.first > 0u) { sum += out[at]; }
  out[at] = sum;
}

@compute @workgroup_size(64)
fn chunk_mean_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let v = group.x * 64u + tid;
  if (v >= params.columns) { return; }
  let at = group.y * params.columns + v;
  let g = chunk_of[params.first + group.y];
  var slope = 0.0;
  if (g != 0xffffffffu) { slope = share(chunks[g]) * x[g * params.columns + v]; }
  if (params.accumulate == 1u) { slope += out[at]; }
  out[at] = slope;
}

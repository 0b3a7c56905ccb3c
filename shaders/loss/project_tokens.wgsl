// loss/project_tokens.wgsl — a chunk's mean student distribution, moved into the teacher's vocabulary by a sparse map.
//
//   out[g,j] = 1/n Σ_{r ∈ chunk g} Σ_{(v, w) ∈ column ids[j] of W} w · softmax(x[r]/T)_v
//
// Source   X-Token (arXiv 2605.21699), METHODS §10.3. W by columns (CSC): a gather, no float atomics.
// Shapes   chunks (G): (from, to) · ids (K): 0xffffffff = none, 0 · starts (Vt+1) · entries (nnz): (v, bits of w)
//          x (R, V) · stats (R) from loss/softmax_stats.wgsl at T · out (G, K)
//          Rows in ranges take one dispatch each, in order: all but the first add to what out holds.
// Grid     dispatch (⌈K/64⌉, G).
// WG = 64
// Numerics f32; the order of additions is fixed.
// Oracle   a dense product in the test. Tested by test/kernels/group-ops.test.ts.

struct Params {
  columns: u32, // K
  vocab: u32, // V
  first: u32, // of the rows of x
  count: u32,
  inverse_temperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> chunks: array<vec2u>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read> entries: array<vec2u>;
@group(0) @binding(5) var<storage, read> x: array<f32>;
@group(0) @binding(6) var<storage, read> stats: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn project_tokens(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let j = group.x * 64u + tid;
  if (j >= params.columns) { return; }
  let chunk = chunks[group.y];
  let at = group.y * params.columns + j;
  let id = ids[j];
  var sum = 0.0;
  if (id != 0xffffffffu) {
    let end = min(chunk.y, params.first + params.count);
    for (var r = max(chunk.x, params.first); r < end; r++) {
      let s = stats[r - params.first];
      let row = (r - params.first) * params.vocab;
      for (var k = starts[id]; k < starts[id + 1u]; k++) {
        let entry = entries[k];
        sum += bitcast<f32>(entry.y) * exp((x[row + entry.x] - s.x) * params.inverse_temperature - s.y);
      }
    }
    sum /= f32(max(chunk.y - chunk.x, 1u));
  }
  if (params.first > 0u) { sum += out[at]; }
  out[at] = sum;
}

// loss/top_columns.wgsl — the teacher's likeliest ids of a batch, for X-Token: columns by their largest logit over all rows.
//
//   top_columns   peaks[u] = max_{r: labels[r] is a token} x[r,u],   −3e38 for u ≥ tokens
//   top_ids        out[j] = order[j] for j < min(K, tokens), else 0xffffffff
//   top_places     out[order[j]] = j + 1 for these j;   elsewhere what was there, 0
//
// Source   METHODS §10.3: columns beyond the tokenizer's are no tokens and never taken.
// Shapes   labels (R): 0xffffffff = padding · x (R, V) · order (V) from the sort of the peaks · out: (V), (K), (V)
//          Rows of x in ranges take one dispatch each: all but the first take the larger of what out holds.
// Grid     one thread per column, or per j: dispatch (⌈V/64⌉), (⌈K/64⌉).
// WG = 64
// Oracle   plain sorting in the test. Tested by test/kernels/group-ops.test.ts.

struct Params {
  vocab: u32, // V
  rows: u32, // R
  top: u32, // K
  accumulate: u32,
}

struct Width {
  tokens: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> width: Width;
@group(0) @binding(2) var<storage, read> labels: array<u32>; // order, but for top_columns
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>; // bits of f32 in top_columns

@compute @workgroup_size(64)
fn top_columns(@builtin(global_invocation_id) thread: vec3u) {
  let u = thread.x;
  if (u >= params.vocab) { return; }
  var peak = -3e38;
  if (params.accumulate == 1u) { peak = bitcast<f32>(out[u]); }
  if (u < width.tokens) {
    for (var r = 0u; r < params.rows; r++) {
      if (labels[r] != 0xffffffffu) { peak = max(peak, x[r * params.vocab + u]); }
    }
  }
  out[u] = bitcast<u32>(peak);
}

@compute @workgroup_size(64)
fn top_ids(@builtin(global_invocation_id) thread: vec3u) {
  let j = thread.x;
  if (j >= params.top) { return; }
  out[j] = select(0xffffffffu, labels[j], j < width.tokens);
}

@compute @workgroup_size(64)
fn top_places(@builtin(global_invocation_id) thread: vec3u) {
  let j = thread.x;
  if (j < min(params.top, width.tokens)) { out[labels[j]] = j + 1u; }
}

// nn/embedding_backward.wgsl — the adjoint of an embedding look-up, by segments of equal tokens.
//
//   dtable[v − first,:] += Σ_{n : ids[n] = v} dy[n,:]   for v in first … first+rows−1
//
// Shapes   order, sorted (N) from nn/sort_tokens · dy (N, D) · dtable (rows, D): all of the table, or a range of it
// Grid     one workgroup per sorted slot: dispatch (N). The first slot of a segment sums it, the others leave,
//          so each row of the table has one writer: no atomics, the same bits in every run.
// WG = 64  lanes stride over D. Rows without a token are not touched; the caller clears the table first.
// Numerics f32, in the order of positions. Token 0xffffffff is padding and is in no range.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rows.test.ts.

override WG: u32 = 64u;

struct Params {
  count: u32, // N
  width: u32, // D
  first: u32, // token of dtable's first row
  rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> sorted: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(WG)
fn embedding_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let first = group.x;
  let token = sorted[first];
  let row = token - params.first; // wraps round for earlier tokens
  if (row >= params.rows) { return; }
  if (first > 0u) {
    if (sorted[first - 1u] == token) { return; }
  }
  for (var d = tid; d < params.width; d += WG) {
    var sum = 0.0;
    for (var i = first; i < params.count; i++) {
      if (sorted[i] != token) { break; }
      sum += dy[order[i] * params.width + d];
    }
    dtable[row * params.width + d] += sum;
  }
}

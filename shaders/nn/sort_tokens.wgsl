// nn/sort_tokens.wgsl — positions ordered by token, so that equal tokens form one segment.
//
//   rank[n] = #{m : ids[m] < ids[n], or ids[m] = ids[n] and m < n};  order[rank[n]] = n;  sorted[rank[n]] = ids[n]
//
// Shapes   ids (N) · order (N) · sorted (N)
// Grid     one thread per position: dispatch (⌈N/64⌉).
// WG = 64  Every thread reads all N ids in step, so a load serves a whole workgroup. N² compares of integers:
//          2048 positions take 4M, less than one attention head; a radix sort starts to pay far above that.
// Numerics integers. Stable, so the segment sums that follow add in the order of positions.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rows.test.ts.

override WG: u32 = 64u;

struct Params {
  count: u32, // N
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> sorted: array<u32>;

@compute @workgroup_size(WG)
fn sort_tokens(@builtin(global_invocation_id) thread: vec3u) {
  let n = thread.x;
  if (n >= params.count) { return; }
  let id = ids[n];
  var rank = 0u;
  for (var m = 0u; m < params.count; m++) {
    let other = ids[m];
    rank += select(0u, 1u, other < id || (other == id && m < n));
  }
  order[rank] = n;
  sorted[rank] = id;
}

// nn/merge_heads.wgsl — the adjoint of split_heads: the gradients of queries, keys and values put together.
//
//   dx[n, offset(0)] (+)= dq[n,g,i], and offsets 1 and 2 from dk and dv, as in nn/split_heads
//
// Shapes   dx (N, 3·H·h) · dq, dk, dv (N, H, h)
// Grid     one thread per element of dq: dispatch foldGrid(N·H·h, 64).
// WG = 64  each element of dx is written by one thread.
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-layers.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,       // N·H·h
  width: u32,       // H·h
  head: u32,        // h
  interleaved: u32, // 1: the three parts of a head together
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dq: array<f32>;
@group(0) @binding(2) var<storage, read> dk: array<f32>;
@group(0) @binding(3) var<storage, read> dv: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn merge_heads(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = flat_index(thread, groups, WG);
  if (at >= params.count) { return; }
  let row = 3u * params.width * (at / params.width);
  let column = at % params.width;
  var first = row + column;
  var stride = params.width;
  if (params.interleaved == 1u) {
    first = row + 3u * params.head * (column / params.head) + column % params.head;
    stride = params.head;
  }
  var g = vec3f(dq[at], dk[at], dv[at]);
  if (params.accumulate == 1u) { g += vec3f(dx[first], dx[first + stride], dx[first + 2u * stride]); }
  dx[first] = g.x;
  dx[first + stride] = g.y;
  dx[first + 2u * stride] = g.z;
}

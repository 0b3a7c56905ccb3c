// nn/split_heads.wgsl — a fused projection taken apart into queries, keys and values.
//
//   q[n,g,i] = x[n, offset(0)],  k[n,g,i] = x[n, offset(1)],  v[n,g,i] = x[n, offset(2)]
//   offset(p) = p·H·h + g·h + i    one part after the other: GPT-2
//             = (3·g + p)·h + i    the three parts of a head together: GPT-NeoX
//
// Shapes   x (N, 3·H·h) · q, k, v (N, H, h)
// Grid     one thread per element of q: dispatch foldGrid(N·H·h, 64).
// WG = 64  pure copies.
// Oracle   test/oracle/nn-layers.ts. Tested by test/kernels/nn-layers.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,       // N·H·h
  width: u32,       // H·h
  head: u32,        // h
  interleaved: u32, // 1: the three parts of a head together
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> q: array<f32>;
@group(0) @binding(3) var<storage, read_write> k: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;

@compute @workgroup_size(WG)
fn split_heads(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
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
  q[at] = x[first];
  k[at] = x[first + stride];
  v[at] = x[first + 2u * stride];
}

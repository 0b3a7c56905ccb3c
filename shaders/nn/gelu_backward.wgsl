// nn/gelu_backward.wgsl — the gradient of gelu.
//
//   dx[i] (+)= dy[i] · gelu′(x[i])
//
// Shapes   x, dy, dx (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-gelu.test.ts.
// Uses     lib/flat_index.wgsl, lib/gelu.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  kind: u32, // 0: erf, 1: tanh
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn gelu_backward(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  var g = dy[i] * gelu_slope(params.kind, x[i]);
  if (params.accumulate == 1u) { g += dx[i]; }
  dx[i] = g;
}

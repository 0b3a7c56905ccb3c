// nn/scale.wgsl — a tensor times a number: Gemma's embedding, and its own adjoint.
//
//   y[i] (+)= factor · x[i]
//
// Shapes   x, y (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Tested by test/kernels/nn-layers.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  factor: f32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn scale(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  var value = params.factor * x[i];
  if (params.accumulate == 1u) { value += y[i]; }
  y[i] = value;
}

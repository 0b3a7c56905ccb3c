// nn/mix_two.wgsl — a weighted sum of two constants; the weights are inputs that may change each step.
//
//   out[i] = wa·a[i] + wb·b[i]
//
// Shapes   a, b, out (count) · weights: wa, wb
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Oracle   loops in the test. Tested by test/kernels/block-softmax.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
}

struct Weights {
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> weights: Weights;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn mix_two(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  out[i] = weights.a * a[i] + weights.b * b[i];
}

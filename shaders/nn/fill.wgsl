// nn/fill.wgsl — every element of out becomes one value.
//
//   out[i] = value
//
// Shapes   out (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Tested by test/kernels/nn-elementwise.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn fill(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i < params.count) { out[i] = params.value; }
}

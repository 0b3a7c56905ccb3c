// nn/add.wgsl — a sum of two tensors of one shape; with `only_a` a copy; with `accumulate` added to out.
//
//   out[i] (+)= a[i] + b[i]
//
// Shapes   a, b, out (count). With only_a = 1, b is not read (bind a twice).
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-elementwise.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  only_a: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn add(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  var sum = a[i];
  if (params.only_a == 0u) { sum += b[i]; }
  if (params.accumulate == 1u) { sum += out[i]; }
  out[i] = sum;
}

// nn/sum_parts.wgsl — the sum of several tensors of one shape that lie one behind the other.
//
//   out[i] (+)= Σ_p parts[p,i]
//
// Source   the second half of a product whose inner sum is split ("split-K"), and of a norm over many workgroups.
// Shapes   parts (P, count) · out (count)
// Grid     one thread per element of out: dispatch foldGrid(count, 64).
// WG = 64
// Numerics f32, in the order of the parts: no atomics, the same bits in every run.
// Oracle   obvious loops in the test. Tested by test/kernels/nn-matmul-parts.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  parts: u32, // P
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn sum_parts(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  var sum = 0.0;
  for (var p = 0u; p < params.parts; p++) { sum += parts[p * params.count + i]; }
  if (params.accumulate == 1u) { sum += out[i]; }
  out[i] = sum;
}

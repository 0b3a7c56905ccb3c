// nn/geglu_backward.wgsl — the gradients of geglu with respect to gate and up.
//
//   dup (+)= dy · gelu(gate)          dgate (+)= dy · up · gelu′(gate)
//
// Shapes   gate, up, dy, dgate, dup (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-gelu.test.ts.
// Uses     lib/flat_index.wgsl, lib/gelu.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  kind: u32, // 0: erf, 1: tanh
  accumulate_gate: u32,
  accumulate_up: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgate: array<f32>;
@group(0) @binding(5) var<storage, read_write> dup: array<f32>;

@compute @workgroup_size(WG)
fn geglu_backward(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  let z = gate[i];
  var dg = dy[i] * up[i] * gelu_slope(params.kind, z);
  var du = dy[i] * z * gelu_share(params.kind, z);
  if (params.accumulate_gate == 1u) { dg += dgate[i]; }
  if (params.accumulate_up == 1u) { du += dup[i]; }
  dgate[i] = dg;
  dup[i] = du;
}

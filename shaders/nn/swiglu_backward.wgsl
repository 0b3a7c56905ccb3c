// nn/swiglu_backward.wgsl — the gradients of swiglu with respect to gate and up.
//
//   dup   (+)= dy · silu(gate)
//   dgate (+)= dy · up · s · (1 + gate·(1 − s)),   s = 1 / (1 + e^{−gate})
//
// Shapes   gate, up, dy, dgate, dup (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Numerics f32; the exponent is clamped as in nn/swiglu.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-elementwise.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
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
fn swiglu_backward(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  let z = gate[i];
  let s = 1.0 / (1.0 + exp(-max(z, -80.0)));
  var dg = dy[i] * up[i] * s * (1.0 + z * (1.0 - s));
  var du = dy[i] * z * s;
  if (params.accumulate_gate == 1u) { dg += dgate[i]; }
  if (params.accumulate_up == 1u) { du += dup[i]; }
  dgate[i] = dg;
  dup[i] = du;
}

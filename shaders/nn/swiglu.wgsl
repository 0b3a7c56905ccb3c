// nn/swiglu.wgsl — the gated activation of Llama's feed-forward layer.
//
//   y[i] = silu(gate[i]) · up[i],   silu(z) = z / (1 + e^{−z})
//
// Source   Shazeer 2020, "GLU variants improve Transformer".
// Shapes   gate, up, y (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Numerics f32. e^{−z} overflows to infinity for z < −88 and z/∞ is then 0; WGSL leaves infinity to the
//          implementation, so z is clamped at −80, where silu is −1e−33.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-elementwise.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn swiglu(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  let z = gate[i];
  y[i] = z / (1.0 + exp(-max(z, -80.0))) * up[i];
}

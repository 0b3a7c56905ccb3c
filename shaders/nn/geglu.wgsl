// nn/geglu.wgsl — the gated activation of Gemma's feed-forward layer.
//
//   y[i] = gelu(gate[i]) · up[i]
//
// Source   Shazeer 2020, "GLU variants improve Transformer".
// Shapes   gate, up, y (count)
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Numerics f32; see lib/gelu.
// Oracle   test/oracle/nn-layers.ts. Tested by test/kernels/nn-gelu.test.ts.
// Uses     lib/flat_index.wgsl, lib/gelu.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  kind: u32, // 0: erf, 1: tanh
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn geglu(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  y[i] = gate[i] * gelu_share(params.kind, gate[i]) * up[i];
}

// nn/add_positions.wgsl — learned positions are added to the tokens of a batch.
//
//   y[b,t,:] = x[b,t,:] + table[start[b]+t,:]
//
// Shapes   x, y (B, T, D) · table (positions, D) · start (B)
// Grid     one thread per element: dispatch foldGrid(B·T·D, 64).
// WG = 64
// Oracle   test/oracle/nn-layers.ts. Tested by test/kernels/nn-layers.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,  // B·T·D
  length: u32, // T
  width: u32,  // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn add_positions(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  let row = i / params.width; // over B·T
  let position = start[row / params.length] + row % params.length;
  y[i] = x[i] + table[position * params.width + i % params.width];
}

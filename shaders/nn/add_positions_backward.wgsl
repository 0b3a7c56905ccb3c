// nn/add_positions_backward.wgsl — the gradient of add_positions with respect to its table, all rows from position 0.
//
//   dtable[t,:] (+)= Σ_b dy[b,t,:]   t < T          dtable[t,:] (+)= 0   T ≤ t
//
// Shapes   dy (B, T, D) · dtable (positions, D)
// Grid     one thread per element of dtable: dispatch foldGrid(positions·D, 64).
// WG = 64  the sum over B is short and in order.
// Oracle   test/oracle/nn-layers.ts, by finite differences. Tested by test/kernels/nn-layers.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,      // positions·D
  batch: u32,      // B
  row: u32,        // T·D
  accumulate: u32, // 1: add to what dtable holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(WG)
fn add_positions_backward(
  @builtin(global_invocation_id) thread: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  var sum = 0.0;
  if (i < params.row) {
    for (var b = 0u; b < params.batch; b++) { sum += dy[b * params.row + i]; }
  }
  if (params.accumulate == 1u) { sum += dtable[i]; }
  dtable[i] = sum;
}

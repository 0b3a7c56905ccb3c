// loss/log_softmax.wgsl — log-probabilities of each row, stored.
//
//   y[r,v] = (x[r,v] − top[r]) / T − rest[r],   top and rest from loss/softmax_stats.wgsl
//
// Most losses here never store them; those on merged chunks (GOLD) read single columns of many rows.
// Shapes   x, y (R, V) · stats (R) as pairs
// Grid     one thread per entry: dispatch foldGrid(R · V, 64).
// WG = 64
// Numerics f32.
// Oracle   test/oracle/divergence.ts. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/flat_index.wgsl

struct Params {
  rows: u32,  // R
  vocab: u32, // V
  inverse_temperature: f32, // 1 / T
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn log_softmax(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, 64u);
  if (i >= params.rows * params.vocab) { return; }
  let s = stats[i / params.vocab];
  y[i] = (x[i] - s.x) * params.inverse_temperature - s.y;
}

// loss/threshold_weights.wgsl — weights of those entries whose value is above a bound; 0 for the others.
//
//   out[g] = weight[g] where value[g] > bound, else 0
//
// Shapes   weight, value, out (G)
// Grid     one thread per entry: dispatch (⌈G/64⌉).
// WG = 64
// Oracle   test/kernels/chunk-ops.test.ts itself.

struct Params {
  count: u32, // G
  bound: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn threshold_weights(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.count) { return; }
  out[g] = select(0.0, weight[g], value[g] > params.bound);
}

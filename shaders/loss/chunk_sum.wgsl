// loss/chunk_sum.wgsl — sums over chunks of neighbouring rows, each term at least `least`; and the adjoint.
//
//   out[g] = Σ_{from[g] ≤ k < to[g]} max(x[k], least)
//   chunk_sum_backward:  dx[k] (+)= dout[chunk_of[k]] where x[k] > least, else 0
//
// Shapes   chunks (G): (from, to); from = to is an empty chunk, 0 · chunk_of (R): 0xffffffff = in none · x (R) · out (G)
// Grid     one thread per chunk: dispatch (⌈G/64⌉); backward one per row: dispatch (⌈R/64⌉).
// WG = 64  chunks are a few rows long.
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  count: u32, // G; R in the backward pass
  accumulate: u32,
  least: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> index: array<u32>; // chunks as pairs; chunk_of in the backward pass
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;  // backward only
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn chunk_sum(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.count) { return; }
  var sum = 0.0;
  for (var k = index[2u * g]; k < index[2u * g + 1u]; k++) { sum += max(x[k], params.least); }
  out[g] = sum;
}

@compute @workgroup_size(64)
fn chunk_sum_backward(@builtin(global_invocation_id) thread: vec3u) {
  let k = thread.x;
  if (k >= params.count) { return; }
  let chunk = index[k];
  var g = 0.0;
  if (chunk != 0xffffffffu && x[k] > params.least) { g = dout[chunk]; }
  if (params.accumulate == 1u) { g += out[k]; }
  out[k] = g;
}

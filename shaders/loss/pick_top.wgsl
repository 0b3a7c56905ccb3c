// loss/pick_top.wgsl — the probabilities of each row at its sample's first K columns, and the adjoint.
//
//   out[r,j] = exp(x[r, order[sample[r], j]]),   0 for a row of no sample
//   pick_top_backward:  dx[r, order[sample[r], j]] += dout[r,j] · out[r,j]
//
// Shapes   x, dx (R, V): log-probabilities · sample (R): 0xffffffff = none · order (B, V) · out, dout (R, K)
//          A column occurs once in an order: every element is written from one place.
// Grid     dispatch (⌈K/64⌉, R).
// WG = 64
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.

struct Params {
  vocab: u32, // V
  top: u32,   // K
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sample: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;    // dout in the backward pass
@group(0) @binding(4) var<storage, read> kept: array<f32>; // out, backward only
@group(0) @binding(5) var<storage, read_write> out: array<f32>; // dx in the backward pass

@compute @workgroup_size(64)
fn pick_top(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.y;
  let j = group.x * 64u + tid;
  if (j >= params.top) { return; }
  let b = sample[r];
  var value = 0.0;
  if (b != 0xffffffffu) { value = exp(x[r * params.vocab + order[b * params.vocab + j]]); }
  out[r * params.top + j] = value;
}

@compute @workgroup_size(64)
fn pick_top_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.y;
  let j = group.x * 64u + tid;
  let b = sample[r];
  if (j >= params.top || b == 0xffffffffu) { return; }
  let i = r * params.top + j;
  out[r * params.vocab + order[b * params.vocab + j]] += x[i] * kept[i];
}

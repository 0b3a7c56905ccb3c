// loss/cross_entropy_finish.wgsl — a row's cross entropy from what its stretches of the vocabulary left.
//
//   lse[r] = top + log sum      loss[r] = lse[r] − x[r, label]      hit[r] = 1 when best = label
//
// Shapes   labels (R): 0xffffffff = ignored, its loss and hit are 0 · state (R): (top, sum, x[label], best) · loss, hit, lse (R)
// Grid     one thread per row: dispatch (⌈R/64⌉).
// WG = 64
// Oracle   test/oracle/nn-loss.ts. Tested by test/kernels/loss-chunked.test.ts.

override WG: u32 = 64u;

struct Params {
  rows: u32, // R
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> state: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> hit: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(WG)
fn cross_entropy_finish(@builtin(global_invocation_id) thread: vec3u) {
  let r = thread.x;
  if (r >= params.rows) { return; }
  let s = state[r];
  let label = labels[r];
  let ignored = label == 0xffffffffu;
  let log_sum = log(s.y);
  lse[r] = s.x + log_sum;
  // (top − x) + log Σ, not lse − x: with logits near 1e6 the sum top + log Σ would lose the logarithm.
  loss[r] = select((s.x - s.z) + log_sum, 0.0, ignored);
  hit[r] = select(0.0, 1.0, u32(s.w) == label && !ignored);
}

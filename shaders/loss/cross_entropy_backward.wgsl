// loss/cross_entropy_backward.wgsl — the gradient of a weighted sum of cross entropies.
//
//   dlogits[r,v] (+)= weight · ( exp(logits[r,v] − lse[r]) − [first + v = label[r]] ),   0 for ignored rows
//
// Shapes   logits, dlogits (R, V): of the whole vocabulary, or of a stretch of it that begins at `first` ·
//          labels, lse (R) · scale: one factor, an input so that it may change each step
// Grid     one thread per logit: dispatch foldGrid(R·V, 64).
// WG = 64
// Oracle   test/oracle/nn-loss.ts, by finite differences. Tested by test/kernels/loss.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32,  // R
  vocab: u32, // V
  accumulate: u32,
  first: u32, // token of the first column
}

struct Scale {
  weight: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> logits: array<f32>;
@group(0) @binding(4) var<storage, read> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(WG)
fn cross_entropy_backward(
  @builtin(global_invocation_id) thread: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.rows * params.vocab) { return; }
  let r = i / params.vocab;
  let label = labels[r];
  var g = 0.0;
  if (label != 0xffffffffu) {
    g = scale.weight * (exp(logits[i] - lse[r]) - select(0.0, 1.0, params.first + i % params.vocab == label));
  }
  if (params.accumulate == 1u) { g += dlogits[i]; }
  dlogits[i] = g;
}

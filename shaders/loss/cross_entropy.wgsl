// loss/cross_entropy.wgsl — cross entropy of each row of logits, and whether the largest logit is the label.
//
//   loss[r] = lse[r] − logits[r, label[r]],   lse[r] = log Σ_v exp(logits[r,v])
//   hit[r]  = 1 when argmax_v logits[r,v] = label[r] (the first of equals), else 0
//
// Shapes   logits (R, V) · labels (R): 0xffffffff = ignored, its loss and hit are 0 · loss, hit, lse (R)
// Grid     one workgroup per row: dispatch (R).
// WG = 64  1 barrier.
// Numerics f32, max-shifted. exp of a difference ≤ 0 cannot overflow.
// Oracle   test/oracle/nn-loss.ts. Tested by test/kernels/loss.test.ts.
// Uses     lib/row_peak.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> hit: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(WG)
fn cross_entropy(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let row = r * params.vocab;
  let peak = row_peak(row, params.vocab, tid);
  if (tid != 0u) { return; }
  let label = labels[r];
  let ignored = label == 0xffffffffu;
  let log_total = peak.top + log(peak.sum);
  lse[r] = log_total;
  // (top − x) + log Σ, not lse − x: with logits near 1e6 the sum top + log Σ would lose the logarithm.
  loss[r] = select((peak.top - logits[row + min(label, params.vocab - 1u)]) + log(peak.sum), 0.0, ignored);
  hit[r] = select(0.0, 1.0, peak.best == label && !ignored);
}

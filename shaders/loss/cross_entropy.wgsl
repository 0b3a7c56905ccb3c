// loss/cross_entropy.wgsl — cross entropy of each row of logits, and whether the largest logit is the label.
//
//   loss[r] = lse[r] − logits[r, label[r]],   lse[r] = log Σ_v exp(logits[r,v])
//   hit[r]  = 1 when argmax_v logits[r,v] = label[r] (the first of equals), else 0
//
// Shapes   logits (R, V) · labels (R): 0xffffffff = ignored, its loss and hit are 0 · loss, hit, lse (R)
// Grid     one workgroup per row: dispatch (R).
// WG = 64  each lane keeps a running (max, sum) over V/64 logits; thread 0 combines: 1 barrier.
// Numerics f32, max-shifted. exp of a difference ≤ 0 cannot overflow.
// Oracle   test/oracle/nn-loss.ts. Tested by test/kernels/loss.test.ts.

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

var<workgroup> tops: array<f32, WG>;
var<workgroup> sums: array<f32, WG>;
var<workgroup> bests: array<u32, WG>;

@compute @workgroup_size(WG)
fn cross_entropy(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let row = r * params.vocab;
  var top = -3e38;
  var best = 0xffffffffu;
  for (var v = tid; v < params.vocab; v += WG) {
    if (logits[row + v] > top || best == 0xffffffffu) {
      top = logits[row + v];
      best = v;
    }
  }
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) { sum += exp(logits[row + v] - top); }
  tops[tid] = top;
  sums[tid] = sum;
  bests[tid] = best;
  workgroupBarrier();
  if (tid != 0u) { return; }

  let lanes = min(WG, params.vocab);
  for (var i = 1u; i < lanes; i++) {
    if (tops[i] > top || (tops[i] == top && bests[i] < best)) {
      top = tops[i];
      best = bests[i];
    }
  }
  var total = 0.0;
  for (var i = 0u; i < lanes; i++) { total += sums[i] * exp(tops[i] - top); }
  let label = labels[r];
  let ignored = label == 0xffffffffu;
  let log_total = top + log(total);
  lse[r] = log_total;
  // (top − x) + log Σ, not lse − x: with logits near 1e6 the sum top + log Σ would lose the logarithm.
  loss[r] = select((top - logits[row + min(label, params.vocab - 1u)]) + log(total), 0.0, ignored);
  hit[r] = select(0.0, 1.0, best == label && !ignored);
}

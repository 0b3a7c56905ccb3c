// lib/row_peak.wgsl — the largest of a row of logits, where it is, and Σ exp(x − largest); known to thread 0.
//
// Each lane runs over width/WG logits; thread 0 combines: 1 barrier. Of equal logits the first counts. exp of a
// difference ≤ 0 cannot overflow. Call it once per kernel, from uniform control flow.
// Needs    override WG: u32; a binding logits: array<f32>.

struct Peak {
  top: f32,
  sum: f32,
  best: u32, // column of the largest
}

var<workgroup> peak_tops: array<f32, WG>;
var<workgroup> peak_sums: array<f32, WG>;
var<workgroup> peak_bests: array<u32, WG>;

fn row_peak(row: u32, width: u32, tid: u32) -> Peak {
  var top = -3e38;
  var best = 0xffffffffu;
  for (var v = tid; v < width; v += WG) {
    if (logits[row + v] > top || best == 0xffffffffu) {
      top = logits[row + v];
      best = v;
    }
  }
  var sum = 0.0;
  for (var v = tid; v < width; v += WG) { sum += exp(logits[row + v] - top); }
  peak_tops[tid] = top;
  peak_sums[tid] = sum;
  peak_bests[tid] = best;
  workgroupBarrier();
  if (tid != 0u) { return Peak(); }

  let lanes = min(WG, width);
  for (var i = 1u; i < lanes; i++) {
    if (peak_tops[i] > top || (peak_tops[i] == top && peak_bests[i] < best)) {
      top = peak_tops[i];
      best = peak_bests[i];
    }
  }
  var total = 0.0;
  for (var i = 0u; i < lanes; i++) { total += peak_sums[i] * exp(peak_tops[i] - top); }
  return Peak(top, total, best);
}

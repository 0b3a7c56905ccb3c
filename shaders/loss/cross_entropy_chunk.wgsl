// loss/cross_entropy_chunk.wgsl — what a row's cross entropy needs of one stretch of the vocabulary.
//
//   top' = max(top, max_v x[r,v])     sum' = sum · e^(top − top') + Σ_v e^(x[r,v] − top')      v in first … first+width−1
//   best' = argmax so far (the first of equals)      x[r, label] once its stretch comes by
//
// Source   the running softmax of Milakov & Gimelshein 2018, over stretches: N×V logits need never exist at once.
// Shapes   logits (R, width) of this stretch · labels (R): 0xffffffff = ignored · state (R): (top, sum, x[label], best)
// Grid     one workgroup per row: dispatch (R). The stretches come one after the other; the first has first = 0.
// WG = 64  as in loss/cross_entropy.
// Numerics f32, max-shifted. A token index in an f32 is exact below 2^24.
// Oracle   test/oracle/nn-loss.ts. Tested by test/kernels/loss-chunked.test.ts.
// Uses     lib/row_peak.wgsl

override WG: u32 = 64u;

struct Params {
  width: u32, // columns of this stretch
  first: u32, // token of its first column
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec4f>;

@compute @workgroup_size(WG)
fn cross_entropy_chunk(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let row = r * params.width;
  let peak = row_peak(row, params.width, tid);
  if (tid != 0u) { return; }
  var next = vec4f(peak.top, peak.sum, 0.0, f32(params.first + peak.best));
  if (params.first > 0u) {
    let before = state[r];
    next.x = max(before.x, peak.top);
    next.y = before.y * exp(before.x - next.x) + peak.sum * exp(peak.top - next.x);
    next.z = before.z;
    if (before.x >= peak.top) { next.w = before.w; } // of equals the earlier
  }
  let at = labels[r] - params.first; // wraps round for earlier labels, and for ignored ones
  if (at < params.width) { next.z = logits[row + at]; }
  state[r] = next;
}

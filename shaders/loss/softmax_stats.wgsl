// loss/softmax_stats.wgsl — what turns each row of logits into log-probabilities at a temperature T.
//
//   stats[r] = ( top, rest ),   top = max_v x[r,v],   rest = log Σ_v exp((x[r,v] − top) / T)
//   log p[r,v] = (x[r,v] − top) / T − rest
//
// The two are kept apart: with logits near 1e6 the sum top/T + rest would lose the logarithm.
// Shapes   x (R, stride), of which the first V columns count · stats (R) as pairs
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary. Each lane keeps (max, sum) over V/WG logits; thread 0 combines: 1 barrier.
// Numerics f32, max-shifted. The largest logit's own 1 stays out of the sum, and rest = log(1 + sum) keeps its digits: a token
//          that is all but certain has a log-probability of −sum, not of 0. Infinite logits are left out, as published.
// Oracle   test/oracle/divergence.ts. Tested by test/kernels/divergence.test.ts.
// Uses     lib/is_finite.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32,  // V
  stride: u32, // elements from row to row
  inverse_temperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec2f>;

const EMPTY = -3e38;

var<workgroup> tops: array<f32, WG>;
var<workgroup> sums: array<f32, WG>; // without the lane's largest

/// log(1 + x), x ≥ 0, with the digits of a small x (Kahan).
fn log_one_plus(x: f32) -> f32 {
  let sum = 1.0 + x;
  if (sum == 1.0) { return x; }
  if (x < 1e-2) { return x * (1.0 - x * (0.5 - x * (1.0 / 3.0 - 0.25 * x))); }
  return log(sum);
}

@compute @workgroup_size(WG)
fn softmax_stats(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.stride;
  var top = EMPTY;
  var best = 0xffffffffu;
  for (var v = tid; v < params.vocab; v += WG) {
    let value = x[row + v];
    if (is_finite(value) && (value > top || best == 0xffffffffu)) {
      top = value;
      best = v;
    }
  }
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) {
    let value = x[row + v];
    if (is_finite(value) && v != best) { sum += exp((value - top) * params.inverse_temperature); }
  }
  tops[tid] = select(top, EMPTY, best == 0xffffffffu);
  sums[tid] = sum;
  workgroupBarrier();
  if (tid != 0u) { return; }

  var lane = 0u;
  for (var i = 1u; i < WG; i++) {
    if (tops[i] > tops[lane]) { lane = i; }
  }
  top = tops[lane];
  var others = sums[lane];
  for (var i = 0u; i < WG; i++) {
    if (i != lane && tops[i] > EMPTY) {
      others += (1.0 + sums[i]) * exp((tops[i] - top) * params.inverse_temperature);
    }
  }
  stats[group.x] = vec2f(top, log_one_plus(others));
}

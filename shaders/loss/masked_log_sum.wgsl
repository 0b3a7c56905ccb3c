// loss/masked_log_sum.wgsl — the log-probability of a set of tokens, by row; and the adjoint.
//
//   out[g] = log Σ_{v: member[v] = 1} softmax(x[rows[g]])_v, at least log 1e-30;   0 where there is no row
//   masked_log_sum_backward:  dx[rows[g], v] += dout[g] · softmax_v · ( member[v]/e^{out[g]} − 1 )
//
// Source   ALM's outcome debiasing (arXiv 2503.20083, METHODS §9): the probability that a word ends here.
// Shapes   x, dx (R, V) · rows (G): 0xffffffff = none, 0xfffffffe = of another range (nn/local_rows), others once at most · member (V) · stats (R) of the rows from
//          loss/softmax_stats.wgsl · out, dout (G)
// Grid     one workgroup per row: dispatch (G).
// WG       64, or 256 for a large vocabulary: 3 barriers forward.
// Numerics f32. A set of probability below 1e-30 is a constant.
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> members: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> kept: array<f32>; // out, backward only
@group(0) @binding(6) var<storage, read> dout: array<f32>; // backward only
@group(0) @binding(7) var<storage, read_write> out: array<f32>; // dx in the backward pass

const LEAST = 1e-30;

@compute @workgroup_size(WG)
fn masked_log_sum(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = rows[group.x];
  var sum = 0.0;
  if (row < 0xfffffffeu) {
    let s = stats[row];
    for (var v = tid; v < params.vocab; v += WG) {
      if (members[v] == 1u) { sum += exp((x[row * params.vocab + v] - s.x) - s.y); }
    }
  }
  let total = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  if (tid == 0u && row != 0xfffffffeu) { out[group.x] = select(log(max(total, LEAST)), 0.0, row == 0xffffffffu); }
}

@compute @workgroup_size(WG)
fn masked_log_sum_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = rows[group.x];
  if (row >= 0xfffffffeu) { return; }
  let s = stats[row];
  let probability = exp(kept[group.x]);
  if (probability <= 1.001 * LEAST) { return; }
  for (var v = tid; v < params.vocab; v += WG) {
    let i = row * params.vocab + v;
    let share = select(0.0, 1.0 / probability, members[v] == 1u);
    out[i] += dout[group.x] * exp((x[i] - s.x) - s.y) * (share - 1.0);
  }
}

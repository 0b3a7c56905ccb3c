// loss/weighted_total.wgsl — the totals of a term: its weighted rows, and their weights.
//
//   totals = ( Σ_r weight[r]·loss[r], Σ_r weight[r], 0, 0 )
//
// Shapes   weight, loss (R) · totals (4)
// Grid     one workgroup: dispatch (1). R is a few thousand at most.
// WG = 64  the order of additions is fixed.
// Oracle   test/oracle/divergence.ts. Tested by test/kernels/divergence.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32, // R
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> totals: array<vec4f>;

@compute @workgroup_size(WG)
fn weighted_total(@builtin(local_invocation_index) tid: u32) {
  var sum = vec4f();
  for (var r = tid; r < params.rows; r += WG) {
    if (weight[r] != 0.0) { sum += vec4f(weight[r] * loss[r], weight[r], 0.0, 0.0); }
  }
  let total = workgroup_sum4(tid, sum);
  if (tid == 0u) { totals[0] = total; }
}

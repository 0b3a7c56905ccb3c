// ot/attention_cost.wgsl — C_ij = 1 − softmax_j(S_ij), in place over the scores S.
//
// Source   the default cost of CoT2Align's code: 1 − softmax(x·yᵀ/√d).
// Shapes   cost (ragged): S in, C out
// Grid     one thread per row: (⌈maxRows/64⌉, problems). WG = 64.
// Numerics f32, shifted by the row's largest score.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl

struct Params { first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read_write> cost: array<f32>;

@compute @workgroup_size(64)
fn attention_cost(@builtin(global_invocation_id) id: vec3u) {
  let p = problems[params.first + id.y];
  if (id.x >= p.n) { return; }
  let at = p.cost + id.x * p.pitch;
  var top = -3e38;
  for (var j = 0u; j < p.m; j++) { top = max(top, cost[at + j]); }
  var s = 0.0;
  for (var j = 0u; j < p.m; j++) {
    let e = exp(cost[at + j] - top);
    cost[at + j] = e;
    s += e;
  }
  for (var j = 0u; j < p.m; j++) { cost[at + j] = 1.0 - cost[at + j] / s; }
}

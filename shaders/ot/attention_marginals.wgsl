// ot/attention_marginals.wgsl — masses by attention received: the mean column of a self-attention matrix.
//
//   mass_j = (1/n) Σ_i softmax_j(x_i·x_j/√d) = 1 − (1/n) Σ_i C_ij,   C the attention cost of x with itself; Σ_j mass_j = 1
//
// Source   the importance weights of EMO (EMNLP 2025), on states in place of the model's own attention.
// Shapes   own: the table of the self problems (n × n), cost their matrices (ragged)
//          problems: the transport's table; masses go to p.f + j (SIDE 0) or p.g + j (SIDE 1) · marginals (R+S)
// Grid     one workgroup per problem: dispatch (P).
// WG = 64  one thread a column.
// Numerics f32. A mass that rounding has made negative becomes 0.
// Oracle   reference/objectives/make_transport_goldens.py. Tested by test/gradients/transport-layers.test.ts.
// Uses     ot/problem.wgsl

override WG: u32 = 64u;
override SIDE: u32 = 0u;

@group(0) @binding(0) var<storage, read> own: array<Problem>;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<f32>;
@group(0) @binding(3) var<storage, read_write> marginals: array<f32>;

@compute @workgroup_size(WG)
fn attention_marginals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let o = own[group.x];
  let p = problems[group.x];
  let to = select(p.f, p.g, SIDE == 1u);
  for (var j = tid; j < o.m; j += WG) {
    var sum = 0.0;
    for (var i = 0u; i < o.n; i++) { sum += 1.0 - cost[o.cost + i * o.pitch + j]; }
    marginals[to + j] = max(0.0, sum / f32(o.n));
  }
}

// loss/l1_cost.wgsl — the cost of MultiLevelOT's sequence level, and the adjoint to the student's side.
//
//   C_ij = Σ_k | exp(x_ik) − exp(y_jk) |
//   l1_cost_backward:  dx_ik += exp(x_ik) · Σ_j D_ij · sign(exp(x_ik) − exp(y_jk)),   D = ∂/∂C
//
// Shapes   x (Rs, K), y (Rt, K): log-probabilities · cost, dcost (ragged; see ot/problem.wgsl) · dx (Rs, K)
// Grid     one workgroup per row i and problem: dispatch (maxRows, problems).
// WG = 64  forward a column j per thread, backward an entry k per thread.
// Numerics f32.
// Oracle   test/oracle/multilevel.ts. Tested by test/kernels/multilevel.test.ts.
// Uses     ot/problem.wgsl

struct Params {
  width: u32, // K
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> dcost: array<f32>; // backward only
@group(0) @binding(5) var<storage, read_write> out: array<f32>; // cost; dx in the backward pass

@compute @workgroup_size(64)
fn l1_cost(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let p = problems[group.y];
  if (group.x >= p.n) { return; }
  let row = (p.x + group.x) * params.width;
  for (var j = tid; j < p.pitch; j += 64u) { // padding is read four columns at a time: it holds 0
    let column = (p.y + j) * params.width;
    var sum = 0.0;
    for (var k = 0u; k < params.width && j < p.m; k++) { sum += abs(exp(x[row + k]) - exp(y[column + k])); }
    out[p.cost + group.x * p.pitch + j] = sum;
  }
}

@compute @workgroup_size(64)
fn l1_cost_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let p = problems[group.y];
  if (group.x >= p.n) { return; }
  let row = (p.x + group.x) * params.width;
  for (var k = tid; k < params.width; k += 64u) {
    let value = exp(x[row + k]);
    var sum = 0.0;
    for (var j = 0u; j < p.m; j++) {
      sum += dcost[p.cost + group.x * p.pitch + j] * sign(value - exp(y[(p.y + j) * params.width + k]));
    }
    out[row + k] += value * sum;
  }
}

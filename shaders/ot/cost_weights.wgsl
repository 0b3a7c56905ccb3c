// ot/cost_weights.wgsl — from the gradient of the cost to the weights of its gradient in the features.
//
//   dx_i = Σ_j W_ij (y_j − [distance] x_i) + α_i x_i      dy_j = Σ_i W_ij (x_i − [distance] y_j) + β_j y_j
//
//   KIND 0  W = −D/C (0 where C = 0)      2  W = −D/(‖x_i‖‖y_j‖), α_i = Σ_j D_ij (1−C_ij)/‖x_i‖², β likewise
//        1  W = −2D                       3  W = A∘(Σ_j A_ij D_ij − D)·scale, A = 1 − C
//
// Source   docs/SINKHORN.md, "From the cost to the features"; at C = 0 the Euclidean distance takes the subgradient 0, as torch.cdist does.
// Shapes   cost, dcost, weights (ragged) · alpha (R+S): α then β, written by cosine only
// Grid     one workgroup per problem. WG = 64: a row per thread, then four columns per thread.
// Numerics f32. A norm clamped to 1e-8 is a constant: α = 0 there. A constant added to a row of D changes nothing under
//          attention, as Σ_j A_ij = 1: D_i0 is taken out first, because with a blurred plan D is nearly constant.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl

override KIND: u32 = 2u;

struct Params {
  first: u32,
  scale: f32, // 1/√d, for attention
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<f32>;
@group(0) @binding(3) var<storage, read> dcost: array<f32>;
@group(0) @binding(4) var<storage, read> x_norms: array<f32>;
@group(0) @binding(5) var<storage, read> y_norms: array<f32>;
@group(0) @binding(6) var<storage, read_write> weights: array<f32>;
@group(0) @binding(7) var<storage, read_write> alpha: array<f32>;

@compute @workgroup_size(64)
fn cost_weights(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[params.first + group.y];
  if (p.m == 0u) { return; }
  let i = group.x * 64u + t;
  if (i < p.n) { row_weights(p, i); }
  if (KIND == 2u && i < p.m) { column_pull(p, i); }
}

fn row_weights(p: Problem, i: u32) {
  let at = p.cost + i * p.pitch;
  var sum = 0.0; // attention: Σ_j A (D − D_0); cosine: Σ_j D (1 − C)
  let shift = select(0.0, dcost[at], KIND == 3u);
  if (KIND >= 2u) {
    for (var j = 0u; j < p.m; j++) { sum += (1.0 - cost[at + j]) * (dcost[at + j] - shift); }
  }
  if (KIND == 2u) { alpha[p.f + i] = pull(sum, x_norms[p.x + i]); }
  for (var j = 0u; j < p.pitch; j++) {
    weights[at + j] = select(0.0, weight(p, i, min(j, p.m - 1u), at, sum, shift), j < p.m);
  }
}

fn weight(p: Problem, i: u32, j: u32, at: u32, sum: f32, shift: f32) -> f32 {
  let c = cost[at + j];
  let d = dcost[at + j];
  switch (KIND) {
    case 0u: { return select(0.0, -d / max(c, 1e-30), c > 0.0); }
    case 1u: { return -2.0 * d; }
    case 2u: { return -d / (x_norms[p.x + i] * y_norms[p.y + j]); }
    default: { return (1.0 - c) * (sum - (d - shift)) * params.scale; }
  }
}

fn column_pull(p: Problem, j: u32) {
  var sum = 0.0;
  for (var i = 0u; i < p.n; i++) {
    let at = p.cost + i * p.pitch + j;
    sum += (1.0 - cost[at]) * dcost[at];
  }
  alpha[p.g + j] = pull(sum, y_norms[p.y + j]);
}

fn pull(sum: f32, norm: f32) -> f32 { return select(0.0, sum / (norm * norm), norm > 1e-8); }

// ot/unrolled_duals.wgsl — reverse over the finite iteration: the adjoints of every sweep's potentials.
//
//   E(f,g) = exp((f+g−C)/ε)      Q = P∘G/ε, G = C (loss ⟨P,C⟩) or f+g−ε log ab (loss value)
//   f̄ = Q1, ḡ = Qᵀ1; for k = K…1:
//     p_i = ρ_a f̄_i / r_i,  r_i = a_i e^(−f_i/τ_a)    ḡ_j −= Σ_i E(f^k, g^k)_ij p_i
//     q_j = ρ_b ḡ_j / c_j,  c_j = b_j e^(−g_j/τ_b)    f̄_i  = −Σ_j E(f^(k−1), g^k)_ij q_j,  ḡ = 0
//
// Source   what autograd through the loop of CoT2Align's code gives; derived in docs/SINKHORN.md, "Unrolled". For log updates,
//          and exact for the multiplicative loop too, because its u absorbs the added 1e-9.
// Method   sweeps whose K is still the plan's need no exponentials: E(f^k, g^l)_ij = P_ij (u^k_i/u_i) (v^l_j/v_j), so each
//          half is the pass over a matrix that forward sweeps make. The few before (k ≤ S_BASE) are taken the long way.
// Shapes   plan, cost (ragged) · history (K+1, 2(R+S)): f⁰, g⁰, u, v · adjoints (K+1, R+S): p, q of
//          sweep k in row k, the masses in row 0
//          marginals (R+S) · state (P, 16)
// Grid     one workgroup per problem. WG = 64: as ot/sinkhorn.wgsl.
// Numerics f32, with the roundings of the forward pass: folding u into f first cost a factor of ten in accuracy at
//          ε/mean(C) = 0.01.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl, ot/unrolled_entries.wgsl

override WG: u32 = 64u;

struct Params {
  stride: u32,  // R+S
  value: u32,   // 1: the loss is the value, 0: ⟨P,C⟩
  center: u32,  // 1: take the mean from C in Q, which changes nothing where the mass is fixed
  tau_a: f32,
  tau_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> history: array<f32>;
@group(0) @binding(4) var<storage, read> marginals: array<f32>;
@group(0) @binding(5) var<storage, read> state: array<f32>;
@group(0) @binding(6) var<storage, read> plan: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> adjoints: array<f32>;

fn rho_of(tau: f32, eps: f32) -> f32 { return select(1.0, tau / (tau + eps), tau > 0.0); }

fn matrix_at(at: u32) -> vec4f { return plan[at]; }

@compute @workgroup_size(WG)
fn unrolled_duals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let eps = state[group.x * STATE + S_EPS];
  let at = group.x * STATE;
  let mean = select(0.0, centre_of(state[at + S_MEAN], state[at + S_LINEAR], state[at + S_MASS], eps), params.center == 1u);
  let sweeps = u32(state[group.x * STATE + S_ITERATIONS]);
  let base = max(u32(state[group.x * STATE + S_BASE]), 1u);
  let stride = p.pitch / 4u;

  for (var j = p.g + t; j < p.g + p.pitch; j += WG) { adjoints[j] = marginals[j]; }
  for (var i = t; i < p.n; i += WG) {
    adjoints[p.f + i] = marginals[p.f + i];
    var s = vec4f();
    for (var j = 0u; j < stride; j++) { s += loss_part(p, i, j, sweeps, mean, eps); }
    u[i] = row_pull(p, i, sweeps, sum4(s), eps);
  }
  workgroupBarrier();
  for (var k = sweeps; k > 0u; k--) {
    let quick = k > base; // E(f^(k−1), g^k) too
    for (var j = t; j < stride; j += WG) { // ḡ → q
      var s = vec4f();
      if (k >= base) { s = -column_sum(p, j) * column_ratio(p, j, k, sweeps); } else { s = -long_column(p, j, k, eps); }
      if (k == sweeps) {
        for (var i = 0u; i < p.n; i++) { s += loss_part(p, i, j, sweeps, mean, eps); }
      }
      let q = column_pull(p, j, k, s, eps);
      if (quick) { v[j] = q * column_ratio(p, j, k, sweeps); } else { v[j] = q; }
    }
    workgroupBarrier();
    if (k == 1u) { break; }
    for (var i = t; i < p.n; i += WG) { // f̄ of the sweep before → p
      var s = 0.0;
      if (quick) { s = -row_sum(p, i) * row_ratio(p, i, k - 1u, sweeps); } else { s = -long_row(p, i, k, eps); }
      u[i] = row_pull(p, i, k - 1u, s, eps);
      if (quick) { u[i] *= row_ratio(p, i, k - 1u, sweeps); }
    }
    workgroupBarrier();
  }
}

fn mass4(at: u32) -> vec4f { return vec4f(marginals[at], marginals[at + 1u], marginals[at + 2u], marginals[at + 3u]); }

fn sum4(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }

// u^k/u of the end, and v^k/v: 0 where there is no mass.
fn row_ratio(p: Problem, i: u32, k: u32, end: u32) -> f32 {
  let last = row_at(p, i, end).y;
  return select(0.0, row_at(p, i, k).y / max(last, 1e-37), last > 0.0);
}

fn column_ratio(p: Problem, j4: u32, k: u32, end: u32) -> vec4f {
  let last = v_at(p, j4, end);
  return select(vec4f(), v_at(p, j4, k) / max(last, vec4f(1e-37)), last > vec4f());
}

// P∘G/ε of four elements.
fn loss_part(p: Problem, i: u32, j4: u32, end: u32, mean: f32, eps: f32) -> vec4f {
  let at = p.cost / 4u + i * (p.pitch / 4u) + j4;
  var slope = cost[at] - mean;
  if (params.value == 1u) { slope = value_slope(row_at(p, i, end), marginals[p.f + i], g_at(p, j4, end), v_at(p, j4, end), mass4(p.g + 4u * j4), eps); }
  return select(vec4f(), plan[at] * slope / eps, in_row(p, j4) & (plan[at] > vec4f()));
}

// Σ_i E(f^k, g^k) p_i and Σ_j E(f^(k−1), g^k) q_j from the potentials themselves.
fn long_column(p: Problem, j4: u32, k: u32, eps: f32) -> vec4f {
  let at = p.cost / 4u + j4;
  var s = vec4f();
  for (var i = 0u; i < p.n; i++) {
    s += entries(row_at(p, i, k), g_at(p, j4, k), v_at(p, j4, k), cost[at + i * (p.pitch / 4u)], eps) * u[i];
  }
  return s;
}

fn long_row(p: Problem, i: u32, k: u32, eps: f32) -> f32 {
  let at = p.cost / 4u + i * (p.pitch / 4u);
  let row = row_at(p, i, k - 1u);
  var s = vec4f();
  for (var j = 0u; j < p.pitch / 4u; j++) { s += entries(row, g_at(p, j, k), v_at(p, j, k), cost[at + j], eps) * v[j]; }
  return sum4(s);
}

// What the relaxed marginal of this potential should be.
fn wanted(mass: vec4f, potential: vec4f, tau: f32) -> vec4f {
  return mass * exp(clamp(-potential / tau, vec4f(-80.0), vec4f(80.0)));
}

fn row_pull(p: Problem, i: u32, k: u32, slope: f32, eps: f32) -> f32 {
  let mass = marginals[p.f + i];
  var r = mass;
  if (params.tau_a > 0.0) { r = wanted(vec4f(mass), vec4f(full(row_at(p, i, k), eps)), params.tau_a).x; }
  let pull = select(0.0, rho_of(params.tau_a, eps) * slope / max(r, 1e-37), mass > 0.0);
  adjoints[k * params.stride + p.f + i] = pull;
  return pull;
}

fn column_pull(p: Problem, j4: u32, k: u32, slope: vec4f, eps: f32) -> vec4f {
  let b = mass4(p.g + 4u * j4);
  var c = b;
  if (params.tau_b > 0.0) { c = wanted(b, full4(g_at(p, j4, k), v_at(p, j4, k), eps), params.tau_b); }
  let pull = select(vec4f(), rho_of(params.tau_b, eps) * slope / max(c, vec4f(1e-37)), b > vec4f());
  let at = k * params.stride + p.g + 4u * j4;
  adjoints[at] = pull.x;
  adjoints[at + 1u] = pull.y;
  adjoints[at + 2u] = pull.z;
  adjoints[at + 3u] = pull.w;
  return pull;
}

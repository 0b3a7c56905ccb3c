// ot/unrolled_duals.wgsl — reverse over the finite iteration: the adjoints of every sweep's potentials.
//
//   E(f,g) = exp((f+g−C)/ε)      Q = P∘G/ε, G = C (loss ⟨P,C⟩) or f+g−ε log ab (loss value)
//   f̄ = Q1, ḡ = Qᵀ1; for k = K…1:
//     p_i = ρ_a f̄_i / r_i,  r_i = a_i e^(−f_i/τ_a)    ḡ_j −= Σ_i E(f^k, g^k)_ij p_i
//     q_j = ρ_b ḡ_j / c_j,  c_j = b_j e^(−g_j/τ_b)    f̄_i  = −Σ_j E(f^(k−1), g^k)_ij q_j,  ḡ = 0
//
// Source   what autograd through the loop of CoT2Align's code gives; docs/EQUATIONS.md. Written for log updates,
//          and exact for the multiplicative loop too, because its u absorbs the added 1e-9.
// Shapes   cost (ragged) · history (K+1, 2(R+S)): f⁰, g⁰, u, v · adjoints (K+1, R+S): p, q · marginals (R+S) · state (P, 16)
// Grid     one workgroup per problem. WG = 64: as ot/sinkhorn.wgsl.
// Numerics f32; two exponentials per element and sweep. E = exp((f⁰+g⁰−C)/ε) u v, with the roundings of the forward
//          pass: folding u into f first cost a factor of ten in accuracy at ε/mean(C) = 0.01.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl

override WG: u32 = 64u;
const MAX_SIDE: u32 = 1024u;

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
@group(0) @binding(6) var<storage, read_write> adjoints: array<f32>;

var<workgroup> p_row: array<f32, MAX_SIDE>;
var<workgroup> q_col: array<vec4f, MAX_SIDE / 4u>;
var<workgroup> g_col: array<vec4f, MAX_SIDE / 4u>;
var<workgroup> v_col: array<vec4f, MAX_SIDE / 4u>;

fn in_row(p: Problem, j4: u32) -> vec4<bool> { return vec4u(4u * j4) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.m); }
fn sum4(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }
fn mass_log(a: f32, eps: f32) -> f32 { return select(0.0, eps * log(max(a, 1e-37)), a > 0.0); }

@compute @workgroup_size(WG)
fn unrolled_duals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let eps = state[group.x * STATE + S_EPS];
  let mean = select(0.0, state[group.x * STATE + S_MEAN], params.center == 1u);
  let sweeps = u32(state[group.x * STATE + S_ITERATIONS]);
  let stride = p.pitch / 4u;

  // Rows and columns stand once each in this loop: drivers inline every call, and compile time is felt.
  for (var k = sweeps + 1u; k > 0u; k--) {
    let first = k == sweeps + 1u; // the loss itself, before the adjoint of any sweep
    let before = 2u * (k - 1u) * params.stride;
    if (!first) {
      for (var j = t; j < stride; j += WG) { // ḡ → q
        var s = vec4f();
        for (var i = 0u; i < p.n; i++) {
          let row = row_of(p, i, 2u * k * params.stride);
          var pull = vec4f(-p_row[i]);
          if (k == sweeps) { pull += loss_slope(p, i, j, row, mean, eps) / eps; }
          s += entries(p, i, j, row, eps) * pull;
        }
        q_col[j] = column_pull(p, j, k * params.stride, s, eps);
      }
      workgroupBarrier();
    } else { load_columns(p, t, before); }
    for (var i = t; i < p.n; i += WG) { // f̄ of the sweep before → p
      let row = row_of(p, i, before);
      var s = vec4f();
      for (var j = 0u; j < stride; j++) {
        var pull = -q_col[j];
        if (first) { pull = loss_slope(p, i, j, row, mean, eps) / eps; }
        s += entries(p, i, j, row, eps) * pull;
      }
      let r = wanted(vec4f(marginals[p.f + i]), vec4f(full(row.x, row.y, eps)), params.tau_a).x;
      p_row[i] = select(0.0, rho_of(params.tau_a, eps) * sum4(s) / max(r, 1e-37), row.x > NO_MASS);
      if (k > 1u) { adjoints[(k - 1u) * params.stride + p.f + i] = p_row[i]; }
    }
    workgroupBarrier();
    if (!first) { load_columns(p, t, before); }
  }
}

fn row_of(p: Problem, i: u32, at: u32) -> vec2f { return vec2f(history[at + p.f + i], history[at + params.stride + p.f + i]); }
fn full(base: f32, scaling: f32, eps: f32) -> f32 { return base + eps * log(max(scaling, 1e-37)); }
fn rho_of(tau: f32, eps: f32) -> f32 { return select(1.0, tau / (tau + eps), tau > 0.0); }

// E for four columns; 0 in padding and where there is no mass.
fn entries(p: Problem, i: u32, j4: u32, row: vec2f, eps: f32) -> vec4f {
  let x = (row.x + g_col[j4] - cost[p.cost / 4u + i * (p.pitch / 4u) + j4]) / eps;
  let e = exp(clamp(x, vec4f(-100.0), vec4f(80.0))) * row.y * v_col[j4];
  return select(vec4f(), e, (g_col[j4] > vec4f(NO_MASS)) & vec4<bool>(row.x > NO_MASS));
}

// dLoss/dP of an element.
fn loss_slope(p: Problem, i: u32, j4: u32, row: vec2f, mean: f32, eps: f32) -> vec4f {
  if (params.value == 0u) { return select(vec4f(), cost[p.cost / 4u + i * (p.pitch / 4u) + j4] - mean, in_row(p, j4)); }
  let b = mass4(p.g + 4u * j4);
  let g = g_col[j4] + eps * log(max(v_col[j4], vec4f(1e-37)) / max(b, vec4f(1e-37)));
  return select(vec4f(), full(row.x, row.y, eps) - mass_log(marginals[p.f + i], eps) + g, b > vec4f());
}

fn mass4(at: u32) -> vec4f {
  return vec4f(marginals[at], marginals[at + 1u], marginals[at + 2u], marginals[at + 3u]);
}

// What the relaxed marginal of this potential should be.
fn wanted(mass: vec4f, potential: vec4f, tau: f32) -> vec4f {
  if (tau <= 0.0) { return mass; }
  return mass * exp(clamp(-potential / tau, vec4f(-80.0), vec4f(80.0)));
}

fn column_pull(p: Problem, j4: u32, row: u32, slope: vec4f, eps: f32) -> vec4f {
  let at = row + p.g + 4u * j4;
  let g = g_col[j4] + eps * log(max(v_col[j4], vec4f(1e-37)));
  let c = wanted(mass4(p.g + 4u * j4), g, params.tau_b);
  let q = select(vec4f(), rho_of(params.tau_b, eps) * slope / max(c, vec4f(1e-37)), g_col[j4] > vec4f(NO_MASS));
  adjoints[at] = q.x;
  adjoints[at + 1u] = q.y;
  adjoints[at + 2u] = q.z;
  adjoints[at + 3u] = q.w;
  return q;
}

fn load_columns(p: Problem, t: u32, row: u32) {
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let at = row + p.g + 4u * j;
    g_col[j] = vec4f(history[at], history[at + 1u], history[at + 2u], history[at + 3u]);
    let by = at + params.stride;
    v_col[j] = vec4f(history[by], history[by + 1u], history[by + 2u], history[by + 3u]);
  }
  workgroupBarrier();
}

// ot/sinkhorn_finish.wgsl — the plan, the potentials and the honest report of a solve.
//
//   P_ij = u_i K_ij v_j      f = f⁰ + ε log u,  g = g⁰ + ε log v
//   KL(P | abᵀ) = Σ P log(P/ab) − ΣP + ΣaΣb        entropy = −Σ P log P, both from log P = (f+g−C)/ε
//   gap = primal − dual = Σ_i (r_i − a_i)(f_i − ε log a_i) + the same over columns (balanced)
//
// Source   Feydy 2020, §3.1 for the dual; the unbalanced gap is the Fenchel–Young gap of each marginal.
// Honest   r = P1 and c = Pᵀ1 are summed anew from the plan that is written, and `converged` means that the
//          larger of the two L1 errors, relative to the mass wanted where it is not 1, is at most the tolerance. Not finite is never converged.
// Shapes   plan: K in, P out (ragged) · cost (ragged) · iterate (2(R+S)) · potentials (R+S): f, g · state (P, 16)
// Grid     one workgroup per problem. WG = 64: as ot/sinkhorn.wgsl.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl

override WG: u32 = 64u;

struct Params {
  tolerance: f32,
  tau_a: f32,
  tau_b: f32,
  stride: u32, // R+S
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> marginals: array<f32>;
@group(0) @binding(4) var<storage, read> iterate: array<f32>;
@group(0) @binding(5) var<storage, read_write> plan: array<vec4f>; // in: K
@group(0) @binding(6) var<storage, read_write> potentials: array<f32>;
@group(0) @binding(7) var<storage, read_write> state: array<f32>;

var<workgroup> eps_shared: f32;

fn matrix_at(at: u32) -> vec4f { return plan[at]; }

@compute @workgroup_size(WG)
fn sinkhorn_finish(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let s = group.x * STATE;
  if (t == 0u) { eps_shared = state[s + S_EPS]; }
  let eps = workgroupUniformLoad(&eps_shared);
  finish_potentials(p, t, eps);

  var sums = Sums();
  var linear = 0.0;
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let column = write_column(p, j);
    linear += column.linear;
    v[j] = column.sum; // its scaling is used up
  }
  workgroupBarrier();
  for (var j = t; j < p.m; j += WG) { add_marginal(&sums, p.g + j, v[j / 4u][j % 4u], eps, params.tau_b); }
  let column_totals = sum_workgroup(t, vec4f(sums.error, sums.value, sums.gap, linear));
  let column_rest = sum_workgroup(t, vec4f(sums.entropy, sums.mass, sums.given, sums.wanted));

  storageBarrier();
  for (var j = t; j < p.pitch / 4u; j += WG) { v[j] = select(vec4f(), vec4f(1.0), in_row(p, j)); }
  workgroupBarrier();
  var rows = Sums();
  for (var i = t; i < p.n; i += WG) { add_marginal(&rows, p.f + i, row_sum(p, i), eps, params.tau_a); }
  let row_totals = sum_workgroup(t, vec4f(rows.error, rows.value, rows.gap, rows.entropy));
  let row_mass = sum_workgroup(t, vec4f(rows.given, rows.wanted, 0.0, 0.0));

  if (t == 0u) {
    let relaxes = params.tau_a > 0.0 || params.tau_b > 0.0; // balanced masses sum to 1
    let row_error = select(row_totals.x, row_totals.x / row_mass.y, relaxes);
    let error = max(select(column_totals.x, column_totals.x / column_rest.w, relaxes), row_error);
    let mass = column_rest.y;
    state[s + S_ERROR] = error;
    state[s + S_STATUS] = select(2.0, 1.0, error <= params.tolerance && error >= 0.0);
    state[s + S_ROW_ERROR] = row_error;
    state[s + S_LINEAR] = column_totals.w;
    state[s + S_VALUE] = column_totals.y + row_totals.y + eps * (row_mass.x * column_rest.z - mass);
    state[s + S_ENTROPY] = (column_totals.w - column_rest.x - row_totals.w) / eps;
    state[s + S_MASS] = mass;
    state[s + S_GAP] = column_totals.z + row_totals.z;
  }
}

fn finish_potentials(p: Problem, t: u32, eps: f32) {
  for (var i = t; i < p.n; i += WG) {
    u[i] = iterate[params.stride + p.f + i];
    potentials[p.f + i] = final_potential(p.f + i, u[i], eps);
  }
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let at = params.stride + p.g + 4u * j;
    v[j] = vec4f(iterate[at], iterate[at + 1u], iterate[at + 2u], iterate[at + 3u]);
  }
  for (var j = t; j < p.pitch; j += WG) {
    potentials[p.g + j] = final_potential(p.g + j, iterate[params.stride + p.g + j], eps);
  }
  storageBarrier();
  workgroupBarrier();
}

fn final_potential(at: u32, scaling: f32, eps: f32) -> f32 {
  return select(NO_MASS, iterate[at] + eps * log(max(scaling, 1e-37)), scaling > 0.0);
}

struct Column {
  sum: vec4f,
  linear: f32,
}

// Scale four columns of K into the plan. A cost under padding may be anything: it is masked, not multiplied by 0.
fn write_column(p: Problem, j: u32) -> Column {
  var column = Column();
  var linear = vec4f();
  for (var i = 0u; i < p.n; i++) {
    let at = p.cost / 4u + i * (p.pitch / 4u) + j;
    let mass = plan[at] * u[i] * v[j];
    plan[at] = mass;
    column.sum += mass;
    linear += select(vec4f(), mass * cost[at], in_row(p, j));
  }
  column.linear = linear.x + linear.y + linear.z + linear.w;
  return column;
}

struct Sums {
  error: f32,   // Σ |marginal − wanted|
  value: f32,   // Σ marginal (potential − ε log mass): the row or column part of the value
  gap: f32,
  entropy: f32, // Σ marginal · potential
  mass: f32,    // Σ marginal
  given: f32,   // Σ a or Σ b
  wanted: f32,  // Σ of what the marginal should be
}

fn add_marginal(sums: ptr<function, Sums>, at: u32, got: f32, eps: f32, tau: f32) {
  let mass = marginals[at];
  let potential = potentials[at];
  (*sums).mass += got;
  (*sums).given += mass;
  if (mass <= 0.0 || potential <= NO_MASS) {
    (*sums).error += abs(got - mass);
    (*sums).wanted += mass;
    return;
  }
  let wanted = select(mass, mass * exp(-potential / max(tau, 1e-30)), tau > 0.0);
  (*sums).error += abs(got - wanted);
  (*sums).wanted += wanted;
  (*sums).value += got * (potential - eps * log(mass));
  (*sums).entropy += got * potential;
  let unbalanced = got * potential + tau * (got * log(max(got, 1e-37) / mass) - got + wanted);
  (*sums).gap += select((got - mass) * (potential - eps * log(mass)), unbalanced, tau > 0.0);
}

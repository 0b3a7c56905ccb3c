// ot/wide_rows.wgsl — the row half of a wide sweep, and K when the sweeps are over.
//
//   log u_i = log a_i − log Σ_j exp(R_ij + log v_j)         LAST 1: K = exp R, for ot/sinkhorn_finish.wgsl
//
// Where v has gone into g⁰, u goes into f⁰ and the row's part of R is made anew. In between |log u| stays as small as
// |log v|: rows were exact when R was made.
//
// Shapes   as ot/wide_columns.wgsl
// Grid     (⌈maxRows/8⌉, P). WG = 64: 8 rows × 8 threads along a row, joined through workgroup memory.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/wide.wgsl

override LAST: u32 = 0u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> log_gibbs: array<vec4f>;
@group(0) @binding(4) var<storage, read> marginals: array<f32>;
@group(0) @binding(5) var<storage, read_write> iterate: array<f32>;
@group(0) @binding(6) var<storage, read> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> log_scalings: array<f32>;

var<workgroup> tops: array<f32, WG>;
var<workgroup> sums: array<f32, WG>;

fn potential4(p: Problem, j4: u32) -> vec4f {
  let at = p.g + 4u * j4;
  return vec4f(iterate[at], iterate[at + 1u], iterate[at + 2u], iterate[at + 3u]);
}

fn log_v4(p: Problem, j4: u32) -> vec4f {
  let at = p.g + 4u * j4;
  return vec4f(log_scalings[at], log_scalings[at + 1u], log_scalings[at + 2u], log_scalings[at + 3u]);
}

// log K of four elements from the potentials: below −1e30/ε where there is no mass, or no column.
fn log_kernel(p: Problem, i: u32, j4: u32, eps: f32) -> vec4f {
  return (iterate[p.f + i] + potential4(p, j4) - cost[p.cost / 4u + i * (p.pitch / 4u) + j4]) / eps;
}

fn sum_part(p: Problem, t: u32, i: u32, eps: f32, ready: bool) {
  let stride = p.pitch / 4u;
  var top = LOWEST;
  var s = 0.0;
  for (var j = t % EIGHT; j < stride; j += EIGHT) {
    var x = log_v4(p, j);
    if (ready) { x += log_gibbs[p.cost / 4u + i * stride + j]; } else { x += log_kernel(p, i, j, eps); }
    let high = max(top, max(max(x.x, x.y), max(x.z, x.w)));
    let e = exp(max(x - high, vec4f(-100.0)));
    s = s * exp(max(top - high, -100.0)) + e.x + e.y + e.z + e.w;
    top = high;
  }
  tops[t] = top;
  sums[t] = s;
}

@compute @workgroup_size(WG)
fn wide_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.y];
  let at = group.y * STATE;
  if (group.x * EIGHT >= p.n || p.m == 0u || (LAST == 0u && state[at + S_STATUS] != 0.0)) { return; }
  let row = group.x * EIGHT + t / EIGHT;
  let i = min(row, p.n - 1u);
  let stride = p.pitch / 4u;
  if (LAST == 1u) {
    for (var j = t % EIGHT; j < stride && row < p.n; j += EIGHT) {
      let e = p.cost / 4u + i * stride + j;
      log_gibbs[e] = exp(clamp(log_gibbs[e], vec4f(-100.0), vec4f(80.0)));
    }
    return;
  }
  let k = u32(state[at + S_ITERATIONS]) - 1u;
  let final_eps = state[at + S_EPS];
  let eps = eps_at(k, final_eps, state[at + S_MEAN]);
  let absorb = state[at + S_ABSORB] == 1.0;
  sum_part(p, t, i, eps, has_kernel(k, final_eps, state[at + S_MEAN]) && !absorb);
  workgroupBarrier();
  if (t % EIGHT == 0u && row < p.n) {
    let omega = select(params.relaxation, 1.0, state[at + S_PLAIN] == 1.0);
    take(p.f + i, t, eps, omega, absorb);
  }
  storageBarrier();
  workgroupBarrier();
  if (row >= p.n || !(absorb || k == 0u)) { return; }
  for (var j = t % EIGHT; j < stride; j += EIGHT) { log_gibbs[p.cost / 4u + i * stride + j] = log_kernel(p, i, j, final_eps); }
}

// Join the 8 parts of a row and take its scaling.
fn take(at: u32, t: u32, eps: f32, omega: f32, absorb: bool) {
  var top = tops[t];
  for (var o = t + 1u; o < t + EIGHT; o++) { top = max(top, tops[o]); }
  var s = 0.0;
  for (var o = t; o < t + EIGHT; o++) { s += sums[o] * exp(max(tops[o] - top, -100.0)); }
  let f = iterate[at];
  let to = log_scaling(marginals[at], f, top, s, eps, rho_of(params.tau_a, eps));
  var log_u = moved(log_scalings[at], to, omega);
  if (absorb && log_u > LOWEST) {
    iterate[at] = f + eps * log_u;
    log_u = 0.0;
  }
  log_scalings[at] = log_u;
  iterate[params.stride + at] = scaling(log_u);
}

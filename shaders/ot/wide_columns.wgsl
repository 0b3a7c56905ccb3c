// ot/wide_columns.wgsl — the column half of a wide sweep: the proposed log v, and the error of the iterate before it.
//
//   log v_j = log b_j − log Σ_i exp(R_ij + log u_i)        error = Σ_j |v_j Σ_i K_ij u_i − b_j|, v of the sweep before
//
// Shapes   cost, log_gibbs: R (ragged) · marginals (R+S) · iterate (2(R+S)): f⁰, g⁰, u, v · state (P, 16) · log_scalings
// Grid     (⌈maxPitch/32⌉, P). WG = 64: 8 column groups × 8 slices of the rows, joined through workgroup memory.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/wide.wgsl

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> log_gibbs: array<vec4f>;
@group(0) @binding(4) var<storage, read> marginals: array<f32>;
@group(0) @binding(5) var<storage, read> iterate: array<f32>;
@group(0) @binding(6) var<storage, read> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> log_scalings: array<f32>;

var<workgroup> tops: array<vec4f, WG>;
var<workgroup> sums: array<vec4f, WG>;
var<workgroup> errors: array<vec2f, EIGHT>; // and the mass that they are relative to

fn potential4(p: Problem, j4: u32) -> vec4f {
  let at = p.g + 4u * j4;
  return vec4f(iterate[at], iterate[at + 1u], iterate[at + 2u], iterate[at + 3u]);
}

// Rows slice, slice + 8, …: (top, Σ exp(x − top)) left in workgroup memory.
fn sum_slice(p: Problem, t: u32, j4: u32, eps: f32, k: u32, ready: bool) {
  let g = potential4(p, j4);
  var top = vec4f(LOWEST);
  var s = vec4f();
  for (var i = t / EIGHT; i < p.n; i += EIGHT) {
    let u = iterate[params.stride + p.f + i];
    if (u <= 0.0) { continue; }
    let log_u = select(log_scalings[p.f + i], log(u), k == 0u);
    let at = p.cost / 4u + i * (p.pitch / 4u) + j4;
    var x = vec4f(log_u);
    if (ready) { x += log_gibbs[at]; } else { x += (iterate[p.f + i] + g - cost[at]) / eps; }
    let high = max(top, x);
    s = s * exp(max(top - high, vec4f(-100.0))) + exp(max(x - high, vec4f(-100.0)));
    top = high;
  }
  tops[t] = top;
  sums[t] = s;
}

@compute @workgroup_size(WG)
fn wide_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.y];
  let at = group.y * STATE;
  if (group.x * EIGHT * 4u >= p.m || p.n == 0u || state[at + S_STATUS] != 0.0) { return; }
  let k = u32(state[at + S_ITERATIONS]);
  let eps = eps_at(k, state[at + S_EPS], state[at + S_MEAN]);
  let ready = has_kernel(k, state[at + S_EPS], state[at + S_MEAN]);
  let j4 = group.x * EIGHT + t % EIGHT;
  sum_slice(p, t, min(j4, p.pitch / 4u - 1u), eps, k, ready);
  workgroupBarrier();
  if (t < EIGHT) {
    var top = tops[t];
    for (var o = t + EIGHT; o < WG; o += EIGHT) { top = max(top, tops[o]); }
    var s = vec4f();
    for (var o = t; o < WG; o += EIGHT) { s += sums[o] * exp(max(tops[o] - top, vec4f(-100.0))); }
    errors[t] = vec2f();
    for (var c = 0u; c < 4u; c++) {
      if (4u * j4 + c < p.pitch) { errors[t] += propose(p.g + 4u * j4 + c, top[c], s[c], eps, k); }
    }
  }
  workgroupBarrier();
  if (t == 0u) {
    var error = vec2f();
    for (var o = 0u; o < EIGHT; o++) { error += errors[o]; }
    let at = 2u * (params.stride + group.y * STRIPES + group.x);
    log_scalings[at] = error.x;
    log_scalings[at + 1u] = error.y;
  }
}

// Write the proposal for one column, padding included; return what the old scaling misses its marginal by, and that.
fn propose(at: u32, top: f32, s: f32, eps: f32, k: u32) -> vec2f {
  let mass = marginals[at];
  let g = iterate[at];
  log_scalings[params.stride + at] = log_scaling(mass, g, top, s, eps, rho_of(params.tau_b, eps));
  if (mass <= 0.0 || k == 0u) { return vec2f(mass); }
  let old = log_scalings[at];
  let wanted = select(mass, mass * exp(clamp(-(g + eps * old) / params.tau_b, -80.0, 80.0)), params.tau_b > 0.0);
  return vec2f(abs(s * exp(clamp(old + top, -100.0, 80.0)) - wanted), wanted);
}

// ot/wide_control.wgsl — between the halves of a wide sweep: is it done, and if not, v as proposed (or over-relaxed).
//
// The rules are those of ot/sinkhorn.wgsl: the error belongs to the iterate before this sweep; an over-relaxed sweep is
// followed by a plain one before the last word. A scaling beyond e^±4, a first or a hot sweep moves v into g⁰
// (S_ABSORB), and the rows then make R anew.
//
// Shapes   as ot/wide_columns.wgsl · history (maxIterations+1, 2(R+S)): f⁰, g⁰, u, v after k sweeps in row k
// Grid     one workgroup per problem. WG = 64.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/wide.wgsl

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read_write> log_scalings: array<f32>;
@group(0) @binding(3) var<storage, read_write> iterate: array<f32>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> history: array<f32>;

struct Verdict {
  k: u32,
  eps: f32,    // of this sweep
  ready: u32,  // 1 when R is
  error: f32,  // −1: not measured
  status: f32, // 0 go on, 1 met the tolerance, 2 out of iterations, −1 done before
  plain: f32,  // 1: this sweep is not over-relaxed
}

var<workgroup> verdict: Verdict;
var<workgroup> far: atomic<u32>;

fn judge(index: u32, p: Problem) -> Verdict {
  let at = index * STATE;
  var v = Verdict(u32(state[at + S_ITERATIONS]), 0.0, 0u, -1.0, 0.0, state[at + S_PLAIN]);
  v.eps = eps_at(v.k, state[at + S_EPS], state[at + S_MEAN]);
  v.ready = select(0u, 1u, has_kernel(v.k, state[at + S_EPS], state[at + S_MEAN]));
  if (state[at + S_STATUS] != 0.0) { v.status = -1.0; }
  if (v.ready == 0u || v.status < 0.0) { return v; }
  v.error = 0.0;
  var mass = 0.0;
  for (var stripe = 0u; stripe * EIGHT * 4u < p.m; stripe++) {
    let e = 2u * (params.stride + index * STRIPES + stripe);
    v.error += log_scalings[e];
    mass += log_scalings[e + 1u];
  }
  if (params.tau_a > 0.0 || params.tau_b > 0.0) { v.error /= mass; }
  let met = params.stop > 0.0 && v.error <= params.stop && v.k % params.check_every == 1u % params.check_every;
  v.status = select(select(0.0, 2.0, v.k >= params.max_iterations), 1.0, met && v.plain == 1.0);
  let plain = met || v.k < params.relax_after || params.relaxation == 1.0 || v.k + 1u >= params.max_iterations;
  v.plain = select(0.0, 1.0, plain);
  return v;
}

@compute @workgroup_size(WG)
fn wide_control(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let at = group.x * STATE;
  if (t == 0u) { verdict = judge(group.x, p); }
  let now = workgroupUniformLoad(&verdict);
  if (now.status < 0.0) { return; }
  remember(p, t, now.k);
  if (now.status == 0.0) {
    let omega = select(params.relaxation, 1.0, now.plain == 1.0);
    for (var j = p.g + t; j < p.g + p.pitch; j += WG) {
      log_scalings[j] = moved(log_scalings[j], log_scalings[params.stride + j], omega);
      if (log_scalings[j] > LOWEST && abs(log_scalings[j]) > NEAR) { atomicStore(&far, 1u); }
    }
  }
  workgroupBarrier();
  let direct = max(rho_of(params.tau_a, now.eps).y, rho_of(params.tau_b, now.eps).y) > DIRECT;
  let absorb = params.multiplicative == 0u && (now.ready == 0u || direct || atomicLoad(&far) == 1u);
  if (now.status == 0.0) {
    for (var j = p.g + t; j < p.g + p.pitch; j += WG) {
      if (absorb && log_scalings[j] > LOWEST) {
        iterate[j] += now.eps * log_scalings[j];
        log_scalings[j] = 0.0;
      }
      iterate[params.stride + j] = scaling(log_scalings[j]);
    }
  }
  if (t == 0u) {
    state[at + S_ERROR] = now.error;
    state[at + S_STATUS] = now.status;
    state[at + S_PLAIN] = now.plain;
    state[at + S_ABSORB] = select(0.0, 1.0, absorb);
    if (absorb && now.status == 0.0) { state[at + S_BASE] = f32(now.k + 1u); }
    state[at + S_ITERATIONS] = f32(now.k) + select(1.0, 0.0, now.status > 0.0); // the rows follow at once
  }
}

fn remember(p: Problem, t: u32, k: u32) {
  if (params.keep == 0u) { return; }
  let row = 2u * k * params.stride;
  for (var i = p.f + t; i < p.f + p.n; i += WG) { keep(row, i); }
  for (var j = p.g + t; j < p.g + p.pitch; j += WG) { keep(row, j); }
}

fn keep(row: u32, at: u32) {
  history[row + at] = iterate[at];
  history[row + params.stride + at] = iterate[params.stride + at];
}

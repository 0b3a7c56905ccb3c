// ot/sinkhorn.wgsl — many Sinkhorn sweeps of one problem in one dispatch, stopping on its own error.
//
// To read first: `authorsLoop` in test/oracle/ot.ts, the same iteration in twenty lines. There and here
//
//   v ← b / (Kᵀu + δ)      u ← a / (K v + δ)      P = diag(u) K diag(v),  K = exp((f⁰+g⁰−C)/ε)
//
// In the log domain, with u = exp((f−f⁰)/ε) and v = exp((g−g⁰)/ε), that is
//
//   g_j = ρ_b ε (log b_j − log Σ_i exp((f_i − C_ij)/ε)), then f_i likewise over rows;   ρ = τ/(τ+ε), 1 if balanced
//   P_ij = exp((f_i + g_j − C_ij)/ε)
//
// Source   Feydy 2020, Eq. 3.186 for the half-steps; Schmitzer 2019, §3.3 for absorption; Séjourné 2019 for ρ.
// Method   K is kept in `gibbs` and sweeps act on scalings u, v near 1: one multiply per element and half-step, no
//          exponential. When a scaling leaves [e⁻²⁰, e²⁰] that half-step is taken again
//          in the log domain with a maximum shift, and K is made anew; so small ε costs exponentials but never
//          overflows. multiplicative: K = exp(−C/ε), u⁰ = 1/n, δ = 1e-9, the authors' loop, never absorbed.
// Stop     the column sums that update g are also the column marginal of the last iterate, whose rows are exact:
//          its error is free. After an over-relaxed sweep rows are not exact, so convergence is only
//          accepted after a plain one. `converged` is decided in ot/sinkhorn_finish.wgsl, from the plan itself.
// Shapes   cost, gibbs (ragged) · marginals (R+S) · iterate (2(R+S)): f⁰, g⁰, u, v · state (P, 16)
//          history (maxIterations+1, 2(R+S)): f⁰, g⁰, u, v after k sweeps in row k, when `keep` is 1
// Grid     one workgroup per problem; repeat the dispatch until max_iterations + 1 is covered. Done problems return.
// WG = 64  21 ms against 23 (32) and 20 (128) for 8×128×160, 50 sweeps on lavapipe, two passes.
// Numerics f32. A row or column without mass gets potential −1e30, scaling 0 and no part in any sum.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl, ot/sinkhorn_sweep.wgsl (v and u of a sweep), ot/sinkhorn_log.wgsl (the same in
//          the log domain), ot/sinkhorn_rows.wgsl or ot/sinkhorn_rows_subgroups.wgsl (how K is read)

override WG: u32 = 64u;

struct Params {
  sweeps: u32,
  max_iterations: u32,
  multiplicative: u32,
  keep: u32,
  stop: f32,        // error at which to stop; 0: never
  tau_a: f32,       // 0: balanced
  tau_b: f32,
  relaxation: f32,  // ω
  relax_after: u32,
  check_every: u32,
  delta: f32,       // added to every sum
  scaling: f32,     // ε starts at the mean cost and shrinks by this factor each sweep; 0: off
  stride: u32,      // R+S
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> marginals: array<f32>;
@group(0) @binding(4) var<storage, read_write> gibbs: array<vec4f>;  // K
@group(0) @binding(5) var<storage, read_write> iterate: array<f32>;  // f⁰, g⁰, then u, v
@group(0) @binding(6) var<storage, read_write> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> history: array<f32>;

var<workgroup> begun: array<f32, 6>;

fn matrix_at(at: u32) -> vec4f { return gibbs[at]; }

@compute @workgroup_size(WG)
fn sinkhorn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let s = group.x * STATE;
  if (t == 0u) {
    begun = array(state[s + S_EPS], state[s + S_ITERATIONS], state[s + S_STATUS], state[s + S_MEAN], state[s + S_PLAIN], state[s + S_BASE]);
  }
  let start = workgroupUniformLoad(&begun);
  if (start[2] != 0.0) { return; }
  let eps = start[0];
  let rho_a = rho_of(params.tau_a, eps);
  let rho_b = rho_of(params.tau_b, eps);
  let relaxes = params.tau_a > 0.0 || params.tau_b > 0.0;
  // Where ε is many times τ, ε log u is rounding beside the potential that a marginal hangs on: no scalings then.
  let direct = max(rho_a.y, rho_b.y) > DIRECT;
  var k = u32(start[1]);
  var plain = start[4] == 1.0;
  var status = 0.0;
  var error = -1.0;
  begin_sweeps(p, t);
  if (k == 0u && params.multiplicative == 1u) { exponentiate(p, t, eps); }

  var base = start[5];
  var taken = false; // the rows of this sweep, anew
  var known = false; // the sums over rows, from the pass before
  let to = k + params.sweeps;
  while (k < to) {
    // Each costly half-step is called once in this loop: drivers inline every call, and a second one would double the
    // time that the kernel takes to compile.
    let hot = eps_at(k, eps, start[3]);
    var retake = 2u; // half-steps to take in the log domain: 2 both, 1 rows, 0 none
    if (params.multiplicative == 1u || (k > 0u && eps_at(k - 1u, eps, start[3]) == eps)) {
      let seen = propose_columns(p, t, eps, rho_b, known); // v of the next sweep, and the error of this iterate
      retake = select(select(0u, 2u, seen.z > 0.0), 1u, seen.y > 0.0);
      if (direct) { retake = 2u; }
      if (retake == 1u && taken) { retake = 2u; } // rows that were just taken anew and are not numbers: on, not round again
      if (retake != 1u) {
        error = select(select(seen.x, seen.x / seen.w, relaxes), -1.0, k == 0u);
        let met = params.stop > 0.0 && error >= 0.0 && error <= params.stop && k % params.check_every == 1u % params.check_every;
        status = select(select(0.0, 2.0, k >= params.max_iterations), 1.0, met && plain);
        plain = met || retake > 0u || k < params.relax_after || params.relaxation == 1.0 || k + 1u >= params.max_iterations;
      }
    }
    if (retake != 1u) { remember(p, t, k); }
    if (status > 0.0) { break; }
    if (retake > 0u) { fold(p, t, eps, retake == 2u); }
    if (retake == 2u) { log_columns(p, t, hot, rho_of(params.tau_b, hot).x); }
    if (retake > 0u) {
      log_rows(p, t, hot, rho_of(params.tau_a, hot).x);
      absorb(p, t, eps);
      known = false;
    } else {
      let omega = select(params.relaxation, 1.0, plain);
      accept_columns(p, t, omega);
      scale_rows(p, t, eps, rho_a, omega);
      known = true;
    }
    k += select(1u, 0u, retake == 1u);
    taken = retake == 1u;
    if (retake > 0u) { base = f32(k); }
  }

  store_scalings(p, t);
  if (t == 0u) {
    state[s + S_ITERATIONS] = f32(k);
    state[s + S_ERROR] = error;
    state[s + S_STATUS] = status;
    state[s + S_PLAIN] = select(0.0, 1.0, plain);
    state[s + S_BASE] = base;
  }
}

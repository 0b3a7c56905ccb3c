// ot/wide.wgsl — what the kernels of a sweep share when many workgroups work on one problem.
//
//   ot/wide_columns.wgsl   proposes v and measures the error     stripes of 32 columns
//   ot/wide_control.wgsl   decides, keeps the history, takes v   one workgroup a problem
//   ot/wide_rows.wgsl      takes u                               blocks of 8 rows
//
//   R = (f⁰+g⁰−C)/ε in `log_gibbs`       v_j = b_j / Σ_i exp(R_ij + log u_i), then u_i over rows likewise
//
// Source   the sweeps of ot/sinkhorn.wgsl with log K in place of K: with many workgroups the exponentials are not what
//          a sweep waits for, and no half-step ever has to be taken again. Scalings beyond e^±4 go into f⁰ and g⁰, and R
//          is made anew, so that u, v and R keep their last digits. WebGPU has no barrier across workgroups but the
//          end of a dispatch, hence three dispatches a sweep; those after the last sweep return at once.
// Shapes   log_scalings (2(R+S) + P·64): log u and log v | the proposed log v | the error of every stripe, and what it is relative to
// Numerics f32. A running sum of exponentials, shifted by the largest term so far.

override WG: u32 = 64u;      // 8 threads along, 8 across
const EIGHT: u32 = 8u;       // column groups of four in a stripe; rows in a block
const STRIPES: u32 = 32u;    // of 1024 columns
const NEAR: f32 = 4.0;       // |log v| beyond which scalings go into the potentials
const LOWEST: f32 = -3e38;   // the logarithm of nothing

struct Params {
  max_iterations: u32,
  multiplicative: u32, // 1: the published loop, f⁰ = g⁰ = 0 for ever
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

const DIRECT: f32 = 0.8; // ε = 4τ: then scalings go into the potentials at once, as in ot/sinkhorn.wgsl

fn rho_of(tau: f32, eps: f32) -> vec2f { return select(vec2f(1.0, 0.0), vec2f(tau, eps) / (tau + eps), tau > 0.0); } // ρ, 1 − ρ

// ε of the sweep that follows k sweeps; the last sweep always has the final ε.
fn eps_at(k: u32, eps: f32, mean: f32) -> f32 {
  let hot = mean * pow(params.scaling, f32(k));
  return select(eps, max(eps, hot), params.scaling > 0.0 && k + 1u < params.max_iterations);
}

// Is R there for sweep k, and of its ε?
fn has_kernel(k: u32, eps: f32, mean: f32) -> bool {
  return k > 0u && (eps_at(k, eps, mean) == eps && eps_at(max(k, 1u) - 1u, eps, mean) == eps);
}

// The log of the scaling that makes a marginal right, from (top, s): Σ = s·exp(top).
fn log_scaling(mass: f32, potential: f32, top: f32, s: f32, eps: f32, rho: vec2f) -> f32 {
  if (mass <= 0.0) { return LOWEST; }
  if (params.delta > 0.0) { return log(mass) - log(s * exp(clamp(top, -100.0, 80.0)) + params.delta); }
  return rho.x * (log(mass) - log(s) - top) - rho.y * potential / eps;
}

// A step ω of the way, and beyond. What has no mass has no way.
fn moved(old: f32, to: f32, omega: f32) -> f32 {
  return select(old + omega * (to - old), to, omega == 1.0 || to <= LOWEST || old <= LOWEST);
}

fn scaling(log_u: f32) -> f32 { return select(0.0, exp(clamp(log_u, -85.0, 85.0)), log_u > LOWEST); }

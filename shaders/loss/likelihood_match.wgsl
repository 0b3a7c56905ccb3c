// loss/likelihood_match.wgsl — how far the student's likelihood of each chunk is from the teacher's; and the gradient.
//
//   x = lS/τ,  y = lT/τ:   loss[g] = −( eʸ·x + (1 − eʸ)·log(1 − eˣ) ),   x, y at most −1e-6
//   ∂loss/∂lS = −( eʸ − (1 − eʸ)·eˣ/(1 − eˣ) ) / τ
//   likelihood_match_backward:  ds[g] (+)= scale · weight[g] · ∂loss/∂lS
//
// Source   approximate likelihood matching (arXiv 2503.20083, METHODS §9): binary cross entropy at temperature τ.
// Shapes   s, t (G): log-likelihoods · weight, loss (G): a chunk of weight 0 gives 0
// Grid     one thread per chunk: dispatch (⌈G/64⌉).
// WG = 64
// Numerics f32. With τ = 100 the probabilities are close to 1: 1 − eˣ is taken from its series, not from a difference.
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  count: u32, // G
  accumulate: u32,
  inverse_temperature: f32, // 1 / τ
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale; // backward only
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> s: array<f32>;
@group(0) @binding(4) var<storage, read> t: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>; // loss; ds in the backward pass

const CLOSEST = -1e-6;

/// 1 − eˣ for x < 0.
fn one_minus_exp(x: f32) -> f32 {
  if (x < -0.25) { return 1.0 - exp(x); }
  return -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0 * (1.0 + x / 7.0))))));
}

@compute @workgroup_size(64)
fn likelihood_match(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.count) { return; }
  var loss = 0.0;
  if (weight[g] != 0.0) {
    let x = min(s[g] * params.inverse_temperature, CLOSEST);
    let y = min(t[g] * params.inverse_temperature, CLOSEST);
    loss = -(exp(y) * x + one_minus_exp(y) * log(one_minus_exp(x)));
  }
  out[g] = loss;
}

@compute @workgroup_size(64)
fn likelihood_match_backward(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.count) { return; }
  let x = s[g] * params.inverse_temperature;
  var slope = 0.0;
  if (weight[g] != 0.0 && x < CLOSEST) {
    let y = min(t[g] * params.inverse_temperature, CLOSEST);
    let missed = one_minus_exp(y) * exp(x) / one_minus_exp(x);
    slope = -scale.factor * weight[g] * params.inverse_temperature * (exp(y) - missed);
  }
  if (params.accumulate == 1u) { slope += out[g]; }
  out[g] = slope;
}

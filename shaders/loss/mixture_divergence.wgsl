// loss/mixture_divergence.wgsl — the generalized Jensen–Shannon divergence of rows of log-probabilities, and its gradient.
//
//   0 < β < 1:  loss[g] = Σ_j β·t log(t/m) + (1−β)·s log(s/m),   m = βt + (1−β)s,   ∂/∂log s = (1−β)·s·log(s/m)
//   β = 0:      Σ_j t log(t/s),   ∂/∂log s = −t            β = 1:  Σ_j s log(s/t),   ∂/∂log s = s·(log(s/t) + 1)
//   `held`, at β = 1: ∂/∂log s = s·log(s/t), as if the sum's factors were constants
//   mixture_divergence_backward:  ds[g,j] (+)= scale · weight[g] · ∂/∂log s,   0 where s was raised to ϵ
//
// Rows need not sum to 1. Both sides are at least ϵ = e^least.
// Source   generalized JSD (arXiv 2306.13649), on the matched tokens of GOLD's hybrid loss (METHODS §9: ϵ = 1e-8), and parts of
//          a KL over some columns (METHODS §10: no ϵ, β = 0 or 1).
// Shapes   s, t, ds (G, C) · weight, loss (G): a row of weight 0 gives 0
// Grid     one workgroup per row: dispatch (G).
// WG = 64  3 barriers forward, none backward.
// Numerics f32.
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  columns: u32, // C
  accumulate: u32,
  beta: f32,
  least: f32, // log ϵ
  held: u32,
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

/// (loss, ∂loss/∂log s) of one entry.
fn mixture_entry(log_s: f32, log_t: f32) -> vec2f {
  let ls = max(log_s, params.least);
  let lt = max(log_t, params.least);
  let p = exp(ls);
  let q = exp(lt);
  let b = params.beta;
  var value = vec2f(q * (lt - ls), -q);
  if (b == 1.0) { value = vec2f(p * (ls - lt), p * (ls - lt + select(1.0, 0.0, params.held == 1u))); }
  if (b > 0.0 && b < 1.0) {
    let log_m = log(b * q + (1.0 - b) * p);
    let from_s = (1.0 - b) * p * (ls - log_m);
    value = vec2f(b * q * (lt - log_m) + from_s, from_s);
  }
  return vec2f(value.x, select(0.0, value.y, log_s > params.least));
}

@compute @workgroup_size(WG)
fn mixture_divergence(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let g = group.x;
  var sum = 0.0;
  if (weight[g] != 0.0) {
    for (var j = tid; j < params.columns; j += WG) {
      sum += mixture_entry(s[g * params.columns + j], t[g * params.columns + j]).x;
    }
  }
  let total = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  if (tid == 0u) { out[g] = total; }
}

@compute @workgroup_size(WG)
fn mixture_divergence_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let g = group.x;
  let w = scale.factor * weight[g];
  for (var j = tid; j < params.columns; j += WG) {
    let i = g * params.columns + j;
    var slope = 0.0;
    if (w != 0.0) { slope = w * mixture_entry(s[i], t[i]).y; }
    if (params.accumulate == 1u) { slope += out[i]; }
    out[i] = slope;
  }
}

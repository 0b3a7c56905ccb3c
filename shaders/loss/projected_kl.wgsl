// loss/projected_kl.wgsl — X-Token's KL of a chunk: a projected student against the teacher's mean log-probabilities.
//
//   p̄ = p̂ / (Σ p̂ + ϵ),   ℓp = log(p̄ + ϵ),   loss[g] = Σ_j e^{ℓq} (ℓq − ℓp),   ϵ = 1e-10
//   slope[g,j] = ∂loss/∂p̂_j = (a_j − Σ_k a_k p̄_k) / (Σ p̂ + ϵ),   a_j = −e^{ℓq} / (p̄_j + ϵ)
//
// Source   arXiv 2605.21699, METHODS §10.3. e^{ℓq} sums to at most 1, so the loss can be below 0.
// Shapes   weight (G): 0 = no chunk, loss 0 and slope 0 · hat, log_q, slope (G, K) · loss (G)
// Grid     one workgroup per chunk: dispatch (G).
// WG       64, or 256 for many columns.
// Numerics f32; an entry with e^{ℓq} = 0 counts 0.
// Oracle   test/kernels/group-ops.test.ts, by finite differences. Tested there.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  columns: u32, // K
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> hat: array<f32>;
@group(0) @binding(3) var<storage, read> log_q: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> slope: array<f32>;

const EPSILON = 1e-10;

@compute @workgroup_size(WG)
fn projected_kl(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let g = group.x;
  let row = g * params.columns;
  if (weight[g] == 0.0) {
    if (tid == 0u) { loss[g] = 0.0; }
    for (var j = tid; j < params.columns; j += WG) { slope[row + j] = 0.0; }
    return;
  }
  var mass = 0.0;
  for (var j = tid; j < params.columns; j += WG) { mass += hat[row + j]; }
  let whole = workgroup_sum4(tid, vec4f(mass, 0.0, 0.0, 0.0)).x + EPSILON;
  var sums = vec2f(); // loss, Σ a·p̄
  for (var j = tid; j < params.columns; j += WG) {
    let p = hat[row + j] / whole;
    let q = exp(log_q[row + j]);
    if (q > 0.0) { sums += vec2f(q * (log_q[row + j] - log(p + EPSILON)), -q * (p / (p + EPSILON))); }
  }
  let total = workgroup_sum4(tid, vec4f(sums, 0.0, 0.0));
  for (var j = tid; j < params.columns; j += WG) {
    let p = hat[row + j] / whole;
    slope[row + j] = (-exp(log_q[row + j]) / (p + EPSILON) - total.y) / whole;
  }
  if (tid == 0u) { loss[g] = total.x; }
}

// loss/projected_kl.wgsl — X-Token's KL of a chunk: a projected student against the teacher's mean log-probabilities.
//
//   p̄ = p̂ / (Σ p̂ + ϵ),   ℓp = log(p̄ + ϵ),   loss[g] = Σ_j e^{ℓq} (ℓq − ℓp),   ϵ = 1e-10
//   slope[g,j] = ∂loss/∂p̂_j = (a_j − Σ_k a_k p̄_k) / (Σ p̂ + ϵ),   a_j = −e^{ℓq} / (p̄_j + ϵ)
//
// Source   arXiv 2605.21699, METHODS §10.3. e^{ℓq} sums to at most 1, so the loss can be below 0.
// Shapes   weight (G): 0 = no chunk, loss 0 and slope 0 · hat, log_q, slope (G, K) · loss (G)
// Grid     one workgroup per chunk: dispatch (G).
// WG       64, or 256 for many columns.
// Numerics f32; an entry with e^{ℓq} = 0 counts 0. The likeliest entry is apart: ℓp = log(1 − what the others and ϵ leave), and the
//          slopes are differences from its a, so that a student that is all but certain of it keeps its digits.
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

var<workgroup> largest: atomic<u32>;
var<workgroup> first_largest: atomic<u32>;

/// log(1 − x), |x| ≤ 0.3.
fn log_one_less(x: f32) -> f32 {
  let s = -x / (2.0 - x);
  let q = s * s;
  return 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q / 9.0))));
}

@compute @workgroup_size(WG)
fn projected_kl(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let g = group.x;
  let row = g * params.columns;
  if (weight[g] == 0.0) {
    if (tid == 0u) { loss[g] = 0.0; }
    for (var j = tid; j < params.columns; j += WG) { slope[row + j] = 0.0; }
    return;
  }
  if (tid == 0u) {
    atomicStore(&largest, 0u);
    atomicStore(&first_largest, 0xffffffffu);
  }
  workgroupBarrier();
  var own = 0u;
  for (var j = tid; j < params.columns; j += WG) { own = max(own, bitcast<u32>(hat[row + j])); } // ≥ 0: bits order as values
  atomicMax(&largest, own);
  workgroupBarrier();
  let key = atomicLoad(&largest);
  for (var j = tid; j < params.columns; j += WG) {
    if (bitcast<u32>(hat[row + j]) == key) { atomicMin(&first_largest, j); }
  }
  workgroupBarrier();
  let top = min(atomicLoad(&first_largest), params.columns - 1u);

  var mass = 0.0;
  for (var j = tid; j < params.columns; j += WG) {
    if (j != top) { mass += hat[row + j]; }
  }
  let others = workgroup_sum4(tid, vec4f(mass, 0.0, 0.0, 0.0)).x;
  let sum = hat[row + top] + others;
  let whole = sum + EPSILON;
  let c = -exp(log_q[row + top]) / (hat[row + top] / whole + EPSILON);
  var sums = vec2f(); // loss, Σ p̄·(a − c)
  for (var j = tid; j < params.columns; j += WG) {
    let p = hat[row + j] / whole;
    let q = exp(log_q[row + j]);
    var log_p = log(p + EPSILON);
    let missing = (others + EPSILON * (1.0 - whole)) / whole;
    if (j == top && missing < 0.3) { log_p = log_one_less(missing); }
    if (q > 0.0) { sums.x += q * (log_q[row + j] - log_p); }
    if (j != top) { sums.y -= q * (p / (p + EPSILON)) + c * p; }
  }
  let total = workgroup_sum4(tid, vec4f(sums, 0.0, 0.0));
  let left = c * (EPSILON / whole) - total.y;
  for (var j = tid; j < params.columns; j += WG) {
    let p = hat[row + j] / whole;
    let from_top = -exp(log_q[row + j]) / (p + EPSILON) - c;
    slope[row + j] = (select(from_top, 0.0, j == top) + left) / whole;
  }
  if (tid == 0u) { loss[g] = total.x; }
}

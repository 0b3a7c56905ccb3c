// ot/plan_gauge.wgsl — how far a plan is from the product of its marginals.
//
//   out[p] = ( max_ij |P_ij / (a_i b_j) − 1|,  −Σ a log a − Σ b log b )      the second is the entropy of abᵀ
//
// Shapes   plan (ragged) · marginals (R+S): a at p.f, b at p.g · out (P, 2); 0 for a place without a problem
// Grid     one workgroup per problem: dispatch (P).
// WG = 64  lanes stride over rows; the maximum goes through workgroup memory, the entropy is one lane's sum.
// Numerics f32. Rows and columns without mass are left out.
// Oracle   reference/objectives/make_transport_goldens.py. Tested by test/gradients/transport-layers.test.ts.
// Uses     ot/problem.wgsl

override WG: u32 = 64u;

@group(0) @binding(0) var<storage, read> problems: array<Problem>;
@group(0) @binding(1) var<storage, read> plan: array<f32>;
@group(0) @binding(2) var<storage, read> marginals: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> tops: array<f32, WG>;

fn self_information(mass: f32) -> f32 {
  return select(0.0, -mass * log(max(mass, 1e-37)), mass > 0.0);
}

@compute @workgroup_size(WG)
fn plan_gauge(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let p = problems[group.x];
  var top = 0.0;
  for (var i = tid; i < p.n; i += WG) {
    let a = marginals[p.f + i];
    for (var j = 0u; j < p.m; j++) {
      let product = a * marginals[p.g + j];
      if (product > 0.0) { top = max(top, abs(plan[p.cost + i * p.pitch + j] / product - 1.0)); }
    }
  }
  tops[tid] = top;
  workgroupBarrier();
  if (tid != 0u) { return; }
  for (var i = 1u; i < WG; i++) { top = max(top, tops[i]); }
  var entropy = 0.0;
  if (p.m > 0u) {
    for (var i = 0u; i < p.n; i++) { entropy += self_information(marginals[p.f + i]); }
    for (var j = 0u; j < p.m; j++) { entropy += self_information(marginals[p.g + j]); }
  }
  out[2u * group.x] = select(0.0, top, p.m > 0u);
  out[2u * group.x + 1u] = entropy;
}

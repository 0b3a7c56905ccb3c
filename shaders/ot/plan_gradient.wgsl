// ot/plan_gradient.wgsl — the gradient of a problem's loss in its cost matrix, from the converged plan.
//
//   MODE 0  envelope   dC = w P                               the plan held fixed
//        1  implicit   dC = w P (1 − (C − λ_i − μ_j)/ε)       λ, μ from ot/implicit_duals.wgsl
//        2             the same with C − mean(C), as those duals were made;  3  without C: the loss is the value
//
// Source   Danskin's theorem; the implicit function theorem on the marginals (docs/EQUATIONS.md).
// Shapes   plan, cost, dcost (ragged) · duals (R+S): λ, μ · weights (P): w, what the loss weighs each problem
// Grid     four elements a thread: (⌈maxRows·maxPitch/256⌉, P). WG = 64.
// Numerics f32. The mean cost is taken out of C and of λ alike, so that offsets do not cancel late.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl

override MODE: u32 = 0u;

@group(0) @binding(0) var<storage, read> problems: array<Problem>;
@group(0) @binding(1) var<storage, read> plan: array<vec4f>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> duals: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> dcost: array<vec4f>;

@compute @workgroup_size(64)
fn plan_gradient(@builtin(global_invocation_id) id: vec3u) {
  let p = problems[id.y];
  let stride = p.pitch / 4u;
  if (id.x >= p.n * stride || p.m == 0u) { return; }
  let at = p.cost / 4u + id.x;
  let w = weights[id.y];
  if (MODE == 0u) {
    dcost[at] = w * plan[at];
    return;
  }
  let i = id.x / stride;
  let j = (id.x % stride) * 4u;
  let lambda = duals[p.f + i];
  let g = p.g + j;
  let mu = vec4f(duals[g], duals[g + 1u], duals[g + 2u], duals[g + 3u]);
  let eps = state[id.y * STATE + S_EPS];
  var rest = -lambda - mu;
  if (MODE < 3u) { rest += cost[at] - select(0.0, state[id.y * STATE + S_MEAN], MODE == 2u); }
  dcost[at] = select(vec4f(), w * plan[at] * (1.0 - rest / eps), plan[at] > vec4f());
}

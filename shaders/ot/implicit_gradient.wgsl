// ot/implicit_gradient.wgsl — the gradient of a problem's loss in its cost matrix, from the converged plan.
//
//   dC = w P (1 − (G − λ_i − μ_j)/ε)       λ, μ from ot/implicit_duals.wgsl
//
//   SLOPE 1  G = C      2  G = C less its centre, as those multipliers were made      3  without G: the loss is the value
//
// Source   the implicit function theorem on the marginals (docs/SINKHORN.md, "Implicit").
// Shapes   plan, cost, dcost (ragged) · multipliers (R+S): λ, μ · weights (P): w, what the loss weighs each problem
// Grid     four elements a thread: (⌈maxRows·maxPitch/256⌉, P). WG = 64.
// Numerics f32. The mean cost is taken out of C and of λ alike, so that offsets do not cancel late.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl

override SLOPE: u32 = 1u;

@group(0) @binding(0) var<storage, read> problems: array<Problem>;
@group(0) @binding(1) var<storage, read> plan: array<vec4f>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> multipliers: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> dcost: array<vec4f>;

@compute @workgroup_size(64)
fn implicit_gradient(@builtin(global_invocation_id) id: vec3u) {
  let p = problems[id.y];
  let stride = p.pitch / 4u;
  if (id.x >= p.n * stride || p.m == 0u) { return; }
  let at = p.cost / 4u + id.x;
  let w = weights[id.y];
  let i = id.x / stride;
  let j = (id.x % stride) * 4u;
  let lambda = multipliers[p.f + i];
  let g = p.g + j;
  let mu = vec4f(multipliers[g], multipliers[g + 1u], multipliers[g + 2u], multipliers[g + 3u]);
  let eps = state[id.y * STATE + S_EPS];
  var rest = -lambda - mu;
  let s = id.y * STATE;
  if (SLOPE == 1u) { rest += cost[at]; }
  if (SLOPE == 2u) { rest += cost[at] - centre_of(state[s + S_MEAN], state[s + S_LINEAR], state[s + S_MASS], eps); }
  dcost[at] = select(vec4f(), w * plan[at] * (1.0 - rest / eps), plan[at] > vec4f());
}

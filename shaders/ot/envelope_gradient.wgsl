// ot/envelope_gradient.wgsl — the gradient of a problem's loss in its cost matrix, the plan held fixed.
//
//   dC = w P
//
// Source   Danskin's theorem (docs/SINKHORN.md, "Gradients").
// Shapes   plan, dcost (ragged) · weights (P): w, what the loss weighs each problem
// Grid     four elements a thread: (⌈maxRows·maxPitch/256⌉, P). WG = 64.
// Numerics f32: one product.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl

@group(0) @binding(0) var<storage, read> problems: array<Problem>;
@group(0) @binding(1) var<storage, read> plan: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> dcost: array<vec4f>;

@compute @workgroup_size(64)
fn envelope_gradient(@builtin(global_invocation_id) id: vec3u) {
  let p = problems[id.y];
  if (id.x >= p.n * (p.pitch / 4u) || p.m == 0u) { return; }
  let at = p.cost / 4u + id.x;
  dcost[at] = weights[id.y] * plan[at];
}

// loss/balance_terms.wgsl — one term of a loss scaled to the size of another, as a constant, and the gradient that follows.
//
//   balance_terms   out[0] = |goal[0]|·goal_share / ( |term[0]|·term_share ),   0 where the term is 0
//   scale_by        out[i] (+)= factor[0] · dy[i]
//
// Source   X-Token's dynamic scaling (arXiv 2605.21699), METHODS §10.3.
// Shapes   goal, term: totals, the first counts · out: 4; then as dy
// Grid     balance_terms: dispatch (1); scale_by: one thread per element, foldGrid.
// WG = 64
// Oracle   test/gradients/group-methods.test.ts.
// Uses     lib/flat_index.wgsl

struct Shares {
  goal_share: f32,
  term_share: f32,
}

struct Params {
  count: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> shares: Shares;
@group(0) @binding(2) var<storage, read> goal: array<f32>; // factor in scale_by
@group(0) @binding(3) var<storage, read> term: array<f32>; // dy in scale_by
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn balance_terms(@builtin(local_invocation_index) tid: u32) {
  if (tid != 0u) { return; }
  let size = abs(term[0]) * shares.term_share;
  var factor = 0.0;
  if (size > 0.0) { factor = abs(goal[0]) * shares.goal_share / size; }
  out[0] = factor;
}

@compute @workgroup_size(64)
fn scale_by(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, 64u);
  if (i >= params.count) { return; }
  var value = goal[0] * term[i];
  if (params.accumulate == 1u) { value += out[i]; }
  out[i] = value;
}

// ot/sinkhorn_begin.wgsl — the start of a solve: ε, marginals, potentials and state of every problem.
//
//   ε = scale · mean(C) when relative (and the mean > 0), else scale        f⁰ = 0, or the warm start
//
// Shapes   cost (ragged) · given (R+S): marginals, read when `uniform_marginals` is 0 · warm (R+S)
//          marginals (R+S) · iterate (2(R+S)): f, g, then the scalings u, v · state (P, 16)
// Grid     one workgroup per problem.
// WG = 64  barriers are cheapest there on lavapipe; a mean needs one reduction.
// Numerics f32. The mean is summed in WG partial sums of rows.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl

override WG: u32 = 64u;

struct Params {
  scale: f32,
  relative: u32,
  uniform_marginals: u32,
  warm: u32,
  stride: u32,      // R+S
  multiplicative: u32, // 1: u⁰ = 1/n (the published loop)
  own_epsilons: u32,   // 1: ε of each problem from `epsilons`
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> given: array<f32>;
@group(0) @binding(4) var<storage, read> warm: array<f32>;
@group(0) @binding(5) var<storage, read_write> marginals: array<f32>;
@group(0) @binding(6) var<storage, read_write> iterate: array<f32>;
@group(0) @binding(7) var<storage, read_write> state: array<f32>;
@group(0) @binding(8) var<storage, read> epsilons: array<f32>; // (P): > 0 absolute, < 0 relative

fn matrix_at(at: u32) -> vec4f { return cost[at]; }

@compute @workgroup_size(WG)
fn sinkhorn_begin(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  let s = group.x * STATE;
  for (var k = t; k < STATE; k += WG) { state[s + k] = 0.0; }
  if (p.n == 0u || p.m == 0u) { return; }

  for (var j = t; j < p.pitch / 4u; j += WG) {
    v[j] = select(vec4f(), vec4f(1.0), in_row(p, j));
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = t; i < p.n; i += WG) {
    sum += row_mean(p, i);
    start(p.f + i, 1.0 / f32(p.n));
  }
  for (var j = t; j < p.m; j += WG) { start(p.g + j, 1.0 / f32(p.m)); }
  for (var j = p.m + t; j < p.pitch; j += WG) {
    marginals[p.g + j] = 0.0;
    iterate[p.g + j] = NO_MASS;
    iterate[params.stride + p.g + j] = 0.0;
  }
  let mean = sum_workgroup(t, vec4f(sum)).x / f32(p.n);
  if (t == 0u) {
    state[s + S_MEAN] = mean;
    var scale = select(params.scale, -params.scale, params.relative == 1u);
    if (params.own_epsilons == 1u) { scale = epsilons[group.x]; }
    // A mean that is not positive says nothing: then ε is absolute.
    state[s + S_EPS] = max(select(abs(scale), -scale * mean, scale < 0.0 && mean > 0.0), 1e-30);
    state[s + S_PLAIN] = 1.0;
  }
}

// Padding of a row may hold anything, so it is left out of the sum rather than multiplied by 0.
fn row_mean(p: Problem, i: u32) -> f32 {
  let at = (p.cost + i * p.pitch) / 4u;
  var s = vec4f();
  for (var j = 0u; j < p.pitch / 4u; j++) { s += select(vec4f(), cost[at + j], v[j] > vec4f()); }
  return (s.x + s.y + s.z + s.w) / f32(p.m);
}

fn start(at: u32, share: f32) {
  let mass = select(given[at % arrayLength(&given)], share, params.uniform_marginals == 1u);
  marginals[at] = mass;
  let guess = select(0.0, warm[at % arrayLength(&warm)], params.warm == 1u);
  iterate[at] = select(NO_MASS, guess, mass > 0.0 || params.multiplicative == 1u);
  iterate[params.stride + at] = select(1.0, share, params.multiplicative == 1u);
}

// ot/unrolled_gradient.wgsl — the gradient in the cost from every sweep's adjoints: all elements at once.
//
//   dC = w ( P − Q + Σ_k E(f^k, g^k) p^k_i + E(f^(k−1), g^k) q^k_j )      with E, Q, p, q of ot/unrolled_duals.wgsl
//
// Source   docs/EQUATIONS.md. Splitting the recursion (vectors) from this sum (matrices) lets the sum use every core
//          and keeps it in registers.
// Shapes   cost, dcost (ragged) · history (K+1, 2(R+S)) · adjoints (K+1, R+S) · marginals (R+S) · weights (P)
// Grid     four elements a thread: (⌈maxRows·maxPitch/256⌉, P). WG = 64.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl

struct Params {
  stride: u32, // R+S
  value: u32,
  center: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> history: array<f32>;
@group(0) @binding(4) var<storage, read> adjoints: array<f32>;
@group(0) @binding(5) var<storage, read> marginals: array<f32>;
@group(0) @binding(6) var<storage, read> weights: array<f32>;
@group(0) @binding(7) var<storage, read> state: array<f32>;
@group(0) @binding(8) var<storage, read_write> dcost: array<vec4f>;

@compute @workgroup_size(64)
fn unrolled_gradient(@builtin(global_invocation_id) id: vec3u) {
  let p = problems[id.y];
  let stride = p.pitch / 4u;
  if (id.x >= p.n * stride || p.m == 0u) { return; }
  let i = p.f + id.x / stride;
  let j = (id.x % stride) * 4u;
  let eps = state[id.y * STATE + S_EPS];
  let sweeps = u32(state[id.y * STATE + S_ITERATIONS]);
  let c = cost[p.cost / 4u + id.x];

  var before = row_of(i, 0u);
  var g = vec4f();
  var v = vec4f();
  var plan = vec4f();
  var sum = vec4f();
  for (var k = 1u; k <= sweeps; k++) {
    let at = 2u * k * params.stride;
    let row = row_of(i, at);
    g = history4(at + p.g + j);
    v = history4(at + params.stride + p.g + j);
    plan = entries(row, g, v, c, eps);
    let adjoint = k * params.stride;
    sum += plan * adjoints[adjoint + i] + entries(before, g, v, c, eps) * adjoint4(adjoint + p.g + j);
    before = row;
  }
  var slope = c - select(0.0, state[id.y * STATE + S_MEAN], params.center == 1u);
  if (params.value == 1u) {
    slope = vec4f(before.x + eps * log(max(before.y, 1e-37) / max(marginals[i], 1e-37)));
    slope += g + eps * log(max(v, vec4f(1e-37)) / max(mass4(p.g + j), vec4f(1e-37)));
  }
  let direct = select(vec4f(), plan * (1.0 - slope / eps), plan > vec4f());
  dcost[p.cost / 4u + id.x] = select(vec4f(), weights[id.y] * (direct + sum), vec4u(j) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.m));
}

fn row_of(i: u32, at: u32) -> vec2f { return vec2f(history[at + i], history[at + params.stride + i]); }

fn entries(row: vec2f, g: vec4f, v: vec4f, c: vec4f, eps: f32) -> vec4f {
  let live = (g > vec4f(NO_MASS)) & vec4<bool>(row.x > NO_MASS);
  return select(vec4f(), exp(clamp((row.x + g - c) / eps, vec4f(-100.0), vec4f(80.0))) * row.y * v, live);
}

fn history4(at: u32) -> vec4f { return vec4f(history[at], history[at + 1u], history[at + 2u], history[at + 3u]); }

fn adjoint4(at: u32) -> vec4f { return vec4f(adjoints[at], adjoints[at + 1u], adjoints[at + 2u], adjoints[at + 3u]); }

fn mass4(at: u32) -> vec4f { return vec4f(marginals[at], marginals[at + 1u], marginals[at + 2u], marginals[at + 3u]); }

// ot/unrolled_gradient.wgsl — the gradient in the cost from every sweep's adjoints: all elements at once.
//
//   dC = w ( P − Q + Σ_k E(f^k, g^k) p^k_i + E(f^(k−1), g^k) q^k_j )      with E, Q, p, q of ot/unrolled_duals.wgsl
//
// Source   docs/SINKHORN.md, "Unrolled". Splitting the recursion (vectors) from this sum (matrices) lets the sum use every core
//          and keeps it in registers.
// Method   for sweeps whose K is still the plan's the sum is P_ij/(u_i v_j) times a product of rank 2K,
//          Σ_k (u^k_i p^k_i) v^k_j + u^(k−1)_i (v^k_j q^k_j): no exponentials. The few before are taken the long way.
// Shapes   plan, cost, dcost (ragged) · history (K+1, 2(R+S)) · adjoints (K+1, R+S), masses in row 0 · weights (P)
// Grid     32×32 tiles of the largest problem, times problems: (⌈maxCols/32⌉, ⌈maxRows/32⌉, P).
// WG       8×8 threads, 4×4 elements each.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl, ot/unrolled_entries.wgsl

struct Params {
  stride: u32, // R+S
  value: u32,
  center: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> plan: array<vec4f>;
@group(0) @binding(4) var<storage, read> history: array<f32>;
@group(0) @binding(5) var<storage, read> adjoints: array<f32>;
@group(0) @binding(6) var<storage, read> weights: array<f32>;
@group(0) @binding(7) var<storage, read> state: array<f32>;
@group(0) @binding(8) var<storage, read_write> dcost: array<vec4f>;

@compute @workgroup_size(8, 8)
fn unrolled_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let p = problems[group.z];
  let i0 = group.y * 32u + local.y * 4u;
  let j4 = group.x * 8u + local.x;
  if (i0 >= p.n || j4 >= p.pitch / 4u || p.m == 0u) { return; }
  let eps = state[group.z * STATE + S_EPS];
  let sweeps = u32(state[group.z * STATE + S_ITERATIONS]);
  let base = max(u32(state[group.z * STATE + S_BASE]), 1u);
  let rows = min(vec4u(i0) + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u)); // past the edge the last row again, not stored

  var low = array(vec4f(), vec4f(), vec4f(), vec4f()); // the product
  var before = scalings(p, rows, base);
  for (var k = base + 1u; k <= sweeps; k++) {
    let now = scalings(p, rows, k);
    let a = now * row_adjoints(p, rows, k);
    let v = v_at(p, j4, k);
    let b = v * column_adjoints(p, j4, k);
    low[0] += a.x * v + before.x * b;
    low[1] += a.y * v + before.y * b;
    low[2] += a.z * v + before.z * b;
    low[3] += a.w * v + before.w * b;
    before = now;
  }
  let last = v_at(p, j4, sweeps);
  let s = group.z * STATE;
  let mean = select(0.0, centre_of(state[s + S_MEAN], state[s + S_LINEAR], state[s + S_MASS], eps), params.center == 1u);
  for (var r = 0u; r < 4u; r++) {
    if (i0 + r >= p.n) { break; }
    let at = p.cost / 4u + (i0 + r) * (p.pitch / 4u) + j4;
    let row = row_at(p, i0 + r, sweeps);
    var slope = cost[at] - mean;
    if (params.value == 1u) {
      slope = value_slope(row, adjoints[p.f + i0 + r], g_at(p, j4, sweeps), last, column_adjoints(p, j4, 0u), eps);
    }
    let scale = max(row.y * last, vec4f(1e-37));
    let known = select(vec4f(), plan[at] * (1.0 - slope / eps + low[r] / scale), plan[at] > vec4f());
    let sum = known + long_way(p, i0 + r, j4, cost[at], min(base, sweeps), eps);
    dcost[at] = select(vec4f(), weights[group.z] * sum, vec4u(4u * j4) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.m));
  }
}

// Σ over the first sweeps, by exponentials.
fn long_way(p: Problem, i: u32, j4: u32, c: vec4f, end: u32, eps: f32) -> vec4f {
  var sum = vec4f();
  for (var k = 1u; k <= end; k++) {
    let g = g_at(p, j4, k);
    let v = v_at(p, j4, k);
    sum += entries(row_at(p, i, k), g, v, c, eps) * adjoints[k * params.stride + p.f + i];
    sum += entries(row_at(p, i, k - 1u), g, v, c, eps) * column_adjoints(p, j4, k);
  }
  return sum;
}

fn scalings(p: Problem, rows: vec4u, k: u32) -> vec4f {
  let at = (2u * k + 1u) * params.stride + p.f + rows;
  return vec4f(history[at.x], history[at.y], history[at.z], history[at.w]);
}

fn row_adjoints(p: Problem, rows: vec4u, k: u32) -> vec4f {
  let at = k * params.stride + p.f + rows;
  return vec4f(adjoints[at.x], adjoints[at.y], adjoints[at.z], adjoints[at.w]);
}

fn column_adjoints(p: Problem, j4: u32, k: u32) -> vec4f {
  let at = k * params.stride + p.g + 4u * j4;
  return vec4f(adjoints[at], adjoints[at + 1u], adjoints[at + 2u], adjoints[at + 3u]);
}

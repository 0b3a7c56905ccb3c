// ot/implicit_duals.wgsl — how the optimal potentials follow the cost: the linear system of the implicit gradient.
//
//   [ diag(r/ρ_a)  P ; Pᵀ  diag(c/ρ_b) ] [λ; μ] = [s; t],   s = (P∘G)1, t = (P∘G)ᵀ1, G = C − mean(C), r = P1, c = Pᵀ1
//   solved for μ by conjugate gradients on the Schur complement, preconditioned by its diagonal c/ρ_b:
//   (diag(c/ρ_b) − Pᵀ diag(ρ_a/r) P) μ = t − Pᵀ(ρ_a s/r),   then λ = ρ_a (s − Pμ)/r
//
// Source   Eisenberger 2022, §4; Cuturi 2022 (OTT). Balanced, the constants are its null space and never enter P∘(G−λ−μ).
// Shapes   matrix: the plan; cost (ragged) · duals (3(R+S)): λ, μ | r/ρ_a, q | –, c/ρ_b · state (P, 16)
// Grid     one workgroup per problem. WG = 64: as ot/sinkhorn.wgsl.
// Numerics f32; stops at a residual of 1e-6 of the first, or when rounding stalls it. The residual is reported.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl

override WG: u32 = 64u;

struct Params {
  max_steps: u32,
  stride: u32, // R+S
  tau_a: f32,
  tau_b: f32,
  tolerance: f32,
  center: u32, // 1: take the mean from C, which changes nothing where the mass is fixed
  value: u32,  // 1: the loss is the value: G = f + g − ε log ab, and λ, μ come back less f − ε log a, g − ε log b
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> cost: array<vec4f>;
@group(0) @binding(3) var<storage, read> matrix: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> duals: array<f32>;
@group(0) @binding(6) var<storage, read> potentials: array<f32>;
@group(0) @binding(7) var<storage, read> marginals: array<f32>;

var<workgroup> residual: array<vec4f, MAX_SIDE / 4u>;

fn get4(p: Problem, part: u32, j4: u32) -> vec4f {
  let at = part * params.stride + p.g + 4u * j4;
  return vec4f(duals[at], duals[at + 1u], duals[at + 2u], duals[at + 3u]);
}

fn put4(p: Problem, part: u32, j4: u32, x: vec4f) {
  let at = part * params.stride + p.g + 4u * j4;
  duals[at] = x.x;
  duals[at + 1u] = x.y;
  duals[at + 2u] = x.z;
  duals[at + 3u] = x.w;
}

fn inverse(x: vec4f) -> vec4f { return select(vec4f(), 1.0 / max(x, vec4f(1e-37)), x > vec4f(1e-37)); }
fn sum4(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }
fn rho_of(tau: f32, eps: f32) -> f32 { return select(1.0, tau / (tau + eps), tau > 0.0); }

@compute @workgroup_size(WG)
fn implicit_duals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let s = group.x * STATE;
  let stride = p.pitch / 4u;
  let eps = state[s + S_EPS];
  let mean = select(0.0, state[s + S_MEAN], params.center == 1u);
  rows_of_system(p, t, mean, eps);
  let first = columns_of_system(p, t, mean, eps);

  var rz = first;
  var step = 0u;
  while (step < params.max_steps && rz > first * params.tolerance * params.tolerance && rz > 1e-30) {
    for (var i = t; i < p.n; i += WG) { u[i] = row_sum(p, i) * inverse(vec4f(duals[params.stride + p.f + i])).x; }
    workgroupBarrier();
    var curvature = 0.0;
    for (var j = t; j < stride; j += WG) {
      let q = get4(p, 2u, j) * v[j] - column_sum(p, j);
      curvature += dot(v[j], q);
      put4(p, 1u, j, q);
    }
    let dq = sum_workgroup(t, vec4f(curvature)).x;
    if (!(dq > 0.0)) { break; }
    let length = rz / dq;
    var next = 0.0;
    for (var j = t; j < stride; j += WG) {
      put4(p, 0u, j, get4(p, 0u, j) + length * v[j]);
      residual[j] -= length * get4(p, 1u, j);
      next += dot(residual[j], residual[j] * inverse(get4(p, 2u, j)));
    }
    let rz_next = sum_workgroup(t, vec4f(next)).x;
    for (var j = t; j < stride; j += WG) { v[j] = residual[j] * inverse(get4(p, 2u, j)) + (rz_next / rz) * v[j]; }
    rz = rz_next;
    step++;
    workgroupBarrier();
  }

  for (var j = t; j < stride; j += WG) { v[j] = get4(p, 0u, j); }
  workgroupBarrier();
  for (var i = t; i < p.n; i += WG) {
    let r = duals[params.stride + p.f + i];
    duals[p.f + i] = (duals[p.f + i] - row_sum(p, i)) * inverse(vec4f(r)).x;
    if (params.value == 1u) { duals[p.f + i] -= scaled(p.f + i, eps); }
  }
  if (params.value == 1u) {
    for (var j = t; j < p.m; j += WG) { duals[p.g + j] -= scaled(p.g + j, eps); }
  }
  if (t == 0u) {
    state[s + S_CG] = f32(step);
    state[s + S_RESIDUAL] = select(0.0, sqrt(rz / max(first, 1e-37)), first > 0.0);
  }
}

// A potential less ε log of its mass: the potential of KL(P | abᵀ).
fn scaled(at: u32, eps: f32) -> f32 {
  return select(0.0, potentials[at] - eps * log(max(marginals[at], 1e-37)), marginals[at] > 0.0);
}

// G = dLoss/dP.
fn slope(p: Problem, i: u32, j4: u32, mean: f32, eps: f32) -> vec4f {
  if (params.value == 0u) { return cost[p.cost / 4u + i * (p.pitch / 4u) + j4] - mean; }
  let at = p.g + 4u * j4;
  return scaled(p.f + i, eps) + vec4f(scaled(at, eps), scaled(at + 1u, eps), scaled(at + 2u, eps), scaled(at + 3u, eps));
}

// r/ρ_a and s of every row; u = ρ_a s/r.
fn rows_of_system(p: Problem, t: u32, mean: f32, eps: f32) {
  let stride = p.pitch / 4u;
  let rho = rho_of(params.tau_a, eps);
  for (var i = t; i < p.n; i += WG) {
    let at = p.cost / 4u + i * stride;
    var r = vec4f();
    var s = vec4f();
    for (var j = 0u; j < stride; j++) {
      r += matrix[at + j];
      s += select(vec4f(), matrix[at + j] * slope(p, i, j, mean, eps), in_row(p, j));
    }
    duals[p.f + i] = sum4(s);
    duals[params.stride + p.f + i] = sum4(r) / rho;
    u[i] = sum4(s) * inverse(vec4f(sum4(r) / rho)).x;
  }
  workgroupBarrier();
}

// c/ρ_b, the right-hand side, and the first direction. Returns residual · preconditioned residual.
fn columns_of_system(p: Problem, t: u32, mean: f32, eps: f32) -> f32 {
  let stride = p.pitch / 4u;
  let rho = rho_of(params.tau_b, eps);
  var rz = 0.0;
  for (var j = t; j < stride; j += WG) {
    var c = vec4f();
    var r = vec4f();
    for (var i = 0u; i < p.n; i++) {
      let at = p.cost / 4u + i * stride + j;
      c += matrix[at];
      r += matrix[at] * (slope(p, i, j, mean, eps) - u[i]);
    }
    r = select(vec4f(), r, in_row(p, j));
    put4(p, 0u, j, vec4f());
    put4(p, 2u, j, c / rho);
    residual[j] = r;
    v[j] = r * inverse(c / rho);
    rz += dot(r, v[j]);
  }
  return sum_workgroup(t, vec4f(rz)).x;
}

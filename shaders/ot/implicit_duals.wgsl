// ot/implicit_duals.wgsl — how the optimal potentials follow the cost: the linear system of the implicit gradient.
//
//   [ diag(r/ρ_a)  P ; Pᵀ  diag(c/ρ_b) ] [λ; μ] = [s; t],   s = (P∘G)1, t = (P∘G)ᵀ1, G = C − mean(C), r = P1, c = Pᵀ1
//   solved for μ by conjugate gradients on the Schur complement, preconditioned by its diagonal c/ρ_b:
//   (diag(c/ρ_b) − Pᵀ diag(ρ_a/r) P) μ = t − Pᵀ(ρ_a s/r),   then λ = ρ_a (s − Pμ)/r
//
// Null     balanced, the constants are the null space (one constant for every part of a plan that falls apart) and never
//   space  enter P∘(G−λ−μ); rounding must not enter it either. So the residual is kept orthogonal to it, steps end where
//          what is left is what rounding leaves of the terms of the right-hand side, and no step is taken along a
//          direction whose curvature is rounding. Then the residual of the μ that is returned is made anew; while that
//          is larger than what the steps believed, they go on from there.
// Source   Eisenberger 2022, §4; Cuturi 2022 (OTT); derived in docs/SINKHORN.md, "Implicit".
// Shapes   plan, cost (ragged) · multipliers (4(R+S)): λ, μ | r/ρ_a, q | –, c/ρ_b | –, right-hand side · state (P, 16)
// Grid     one workgroup per problem. WG = 64: as ot/sinkhorn.wgsl.
// Numerics f32; norms are those of diag(c/ρ_b)⁻¹. S_RESIDUAL is the residual made anew, relative to the right-hand side,
//          or to 2⁻¹⁰ of its terms where it is less than that.
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Uses     ot/problem.wgsl, ot/passes.wgsl, ot/implicit_system.wgsl

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
@group(0) @binding(3) var<storage, read> plan: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> multipliers: array<f32>;
@group(0) @binding(6) var<storage, read> potentials: array<f32>;
@group(0) @binding(7) var<storage, read> marginals: array<f32>;

const ROUNDING: f32 = 2.4e-7; // 2⁻²²: what rounding leaves of a sum of terms of size 1
const FLAT: f32 = 4.8e-7;     // curvature that rounding alone can make, relative to the direction's length
const SMALL: f32 = 9.8e-4;    // 2⁻¹⁰
const RESTARTS: u32 = 2u;

var<workgroup> residual: array<vec4f, MAX_SIDE / 4u>;

fn matrix_at(at: u32) -> vec4f { return plan[at]; }

@compute @workgroup_size(WG)
fn implicit_duals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let p = problems[group.x];
  if (p.n == 0u || p.m == 0u) { return; }
  let s = group.x * STATE;
  let stride = p.pitch / 4u;
  let eps = state[s + S_EPS];
  let mean = select(0.0, centre_of(state[s + S_MEAN], state[s + S_LINEAR], state[s + S_MASS], eps), params.center == 1u);
  rows_of_system(p, t, mean, eps);
  let system = columns_of_system(p, t, mean, eps);
  let whole = select(1e-37, system.z, system.z > 1e-37);
  let singular = params.tau_a == 0.0 && params.tau_b == 0.0;
  let first = max(system.x - select(0.0, system.y * system.y / whole, singular), 0.0);
  let floor = ROUNDING * ROUNDING * system.w;
  let enough = max(first * params.tolerance * params.tolerance, floor);

  var rz = first;
  var shift = select(0.0, system.y / whole, singular);
  var step = 0u;
  var again = 0u;   // how often the residual was made anew
  var anew = false; // v is μ, and this pass makes the residual of it
  begin_direction(p, t, shift, 0.0);
  loop {
    if (!anew && (rz <= enough || step >= params.max_steps)) { anew = true; }
    if (anew) {
      for (var j = t; j < stride; j += WG) { v[j] = get4(p, 0u, j); }
      workgroupBarrier();
    }
    for (var i = t; i < p.n; i += WG) { u[i] = row_sum(p, i) * inverse(vec4f(multipliers[params.stride + p.f + i])).x; }
    workgroupBarrier();
    var seen = vec4f();
    for (var j = t; j < stride; j += WG) {
      let c = get4(p, 2u, j);
      let q = c * v[j] - column_sum(p, j);
      if (anew) {
        let r = get4(p, 3u, j) - q;
        residual[j] = r;
        seen += vec4f(dot(r, r * inverse(c)), sum4(r), 0.0, 0.0);
      } else {
        put4(p, 1u, j, q);
        seen += vec4f(0.0, 0.0, dot(v[j], q), dot(v[j], c * v[j]));
      }
    }
    let sums = sum_workgroup(t, seen);
    var next = sums;
    if (!anew) {
      if (!(sums.z > FLAT * sums.w)) { // a direction of the null space, or none
        anew = true;
        continue;
      }
      let length = rz / sums.z;
      var left = vec4f();
      for (var j = t; j < stride; j += WG) {
        put4(p, 0u, j, get4(p, 0u, j) + length * v[j]);
        let r = residual[j] - length * get4(p, 1u, j);
        residual[j] = r;
        left += vec4f(dot(r, r * inverse(get4(p, 2u, j))), sum4(r), 0.0, 0.0);
      }
      next = sum_workgroup(t, left);
      step++;
    }
    shift = select(0.0, next.y / whole, singular);
    let left_over = max(next.x - select(0.0, next.y * next.y / whole, singular), 0.0);
    if (anew && (left_over <= 4.0 * enough || again == RESTARTS || step >= params.max_steps)) {
      rz = left_over;
      break;
    }
    let turn = select(left_over / rz, 0.0, anew);
    rz = left_over;
    if (anew) {
      anew = false;
      again++;
    }
    begin_direction(p, t, shift, turn);
  }

  // u = Pμ/r and v = μ are those of the last pass.
  for (var i = t; i < p.n; i += WG) {
    let r = multipliers[params.stride + p.f + i];
    multipliers[p.f + i] = multipliers[p.f + i] * inverse(vec4f(r)).x - u[i];
    if (params.value == 1u) { multipliers[p.f + i] -= scaled(p.f + i, eps); }
  }
  if (params.value == 1u) {
    for (var j = t; j < p.m; j += WG) { multipliers[p.g + j] -= scaled(p.g + j, eps); }
  }
  if (t == 0u) {
    state[s + S_CG] = f32(step);
    state[s + S_RESIDUAL] = sqrt(rz / max(max(first, SMALL * SMALL * system.w), 1e-37));
  }
}

// The residual freed of its part in the null space, and the next direction from it: v ← z + turn·v.
fn begin_direction(p: Problem, t: u32, shift: f32, turn: f32) {
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let c = get4(p, 2u, j);
    residual[j] -= shift * c;
    v[j] = residual[j] * inverse(c) + select(vec4f(), turn * v[j], turn > 0.0);
  }
  workgroupBarrier();
}

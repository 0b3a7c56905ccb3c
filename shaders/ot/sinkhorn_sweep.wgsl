// ot/sinkhorn_sweep.wgsl — the parts of a sweep on scalings, and where their values are kept between dispatches.
//
//   v_j = b_j / (Σ_i K_ij u_i + δ)   balanced; in general  v ← v · exp(ρ log(b/c) − σ g/ε), c = v Kᵀu
//   ρ = τ/(τ+ε), σ = 1 − ρ = ε/(τ+ε): each for itself, because the difference of the other from 1 loses its digits
//
// Needs from the kernel: ot/passes.wgsl, ot/sinkhorn_log.wgsl, `column_of`, and the bindings of ot/sinkhorn.wgsl.

const DIRECT: f32 = 0.8; // ε = 4τ
const RANGE: f32 = 4.8e8; // e²⁰: K u v of entries that K flushed to 0 stays below 1e-20
var<workgroup> v_next: array<vec4f, MAX_SIDE / 4u>; // v as proposed; ot/sinkhorn_rows_subgroups.wgsl leaves sums here

fn rho_of(tau: f32, eps: f32) -> vec2f { return select(vec2f(1.0, 0.0), vec2f(tau, eps) / (tau + eps), tau > 0.0); } // ρ, σ

// ε of the sweep that follows k sweeps; the last sweep always has the final ε.
fn eps_at(k: u32, eps: f32, mean: f32) -> f32 {
  let hot = mean * pow(params.scaling, f32(k));
  return select(eps, max(eps, hot), params.scaling > 0.0 && k + 1u < params.max_iterations);
}

// The scaling that makes the marginal right, from the sum over the other side.
fn scaling_for(old: vec4f, sum: vec4f, mass: vec4f, pot: vec4f, eps: f32, rho: vec2f) -> vec4f {
  let exact = mass / max(sum + params.delta, vec4f(1e-37));
  if (rho.y == 0.0) { return exact; }
  let ratio = max(mass, vec4f(1e-37)) / max(sum * old, vec4f(1e-37));
  let step = rho.x * log(ratio) - rho.y * (pot / eps + log(max(old, vec4f(1e-37))));
  return select(vec4f(), old * exp(clamp(step, vec4f(-80.0), vec4f(80.0))), mass > vec4f());
}

fn outside(x: vec4f, mass: vec4f) -> f32 {
  let bad = (mass > vec4f()) & !((x <= vec4f(RANGE)) & (x >= vec4f(1.0 / RANGE)));
  return select(0.0, 1.0, any(bad) && params.multiplicative == 0u);
}

// v_next from the columns of K u. Returns (L1 column error of the iterate, u out of range, v_next out of range, and the
// mass that the error is relative to).
fn propose_columns(p: Problem, t: u32, eps: f32, rho: vec2f, known: bool) -> vec4f {
  var seen = vec4f();
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let sum = column_of(p, j, known);
    let b = mass4(p.g + 4u * j);
    var pot = vec4f();
    var target_mass = b;
    if (rho.y != 0.0) {
      pot = load4(p.g + 4u * j);
      target_mass = b * exp(-(pot + eps * log(max(v[j], vec4f(1e-37)))) / params.tau_b);
    }
    let miss = select(vec4f(), abs(v[j] * sum - target_mass), b > vec4f());
    v_next[j] = scaling_for(v[j], sum, b, pot, eps, rho);
    seen.x += miss.x + miss.y + miss.z + miss.w;
    let aim = select(vec4f(), target_mass, b > vec4f());
    seen.w += aim.x + aim.y + aim.z + aim.w;
    seen.z += outside(v_next[j], b);
  }
  for (var i = t; i < p.n; i += WG) { seen.y += outside(vec4f(u[i]), vec4f(marginals[p.f + i])); }
  return sum_workgroup(t, seen);
}

fn relaxed(old: vec4f, target4: vec4f, omega: f32) -> vec4f {
  return select(vec4f(), old * pow(target4 / max(old, vec4f(1e-37)), vec4f(omega)), old > vec4f());
}

fn accept_columns(p: Problem, t: u32, omega: f32) {
  for (var j = t; j < p.pitch / 4u; j += WG) {
    if (omega == 1.0) { v[j] = v_next[j]; } else { v[j] = relaxed(v[j], v_next[j], omega); }
  }
  workgroupBarrier();
}

// K = exp(−C/ε), as the multiplicative scheme has it.
fn exponentiate(p: Problem, t: u32, eps: f32) {
  let stride = p.pitch / 4u;
  for (var j = t; j < stride; j += WG) {
    for (var i = 0u; i < p.n; i++) {
      let at = p.cost / 4u + i * stride + j;
      gibbs[at] = select(vec4f(), exp(max(-cost[at] / eps, vec4f(-100.0))), in_row(p, j));
    }
    v[j] = select(vec4f(), vec4f(1.0), in_row(p, j));
  }
  storageBarrier();
  workgroupBarrier();
}

// ε log of a scaling, added to its potential.
fn folded(pot: vec4f, scaling: vec4f, eps: f32) -> vec4f {
  return select(vec4f(NO_MASS), pot + eps * log(max(scaling, vec4f(1e-37))), scaling > vec4f());
}

// Take the scalings of the rows (or of the columns) into the potentials, before a half-step in the log domain.
fn fold(p: Problem, t: u32, eps: f32, rows: bool) {
  if (rows) {
    for (var i = t; i < p.n; i += WG) { iterate[p.f + i] = folded(vec4f(iterate[p.f + i]), vec4f(u[i]), eps).x; }
  } else {
    for (var j = t; j < p.pitch / 4u; j += WG) { store4(p.g + 4u * j, folded(load4(p.g + 4u * j), v[j], eps)); }
  }
  storageBarrier();
  workgroupBarrier();
}

// Row k of the history: what K was made of after k sweeps, and the scalings.
fn remember(p: Problem, t: u32, k: u32) {
  if (params.keep == 0u) { return; }
  let row = 2u * k * params.stride;
  for (var i = t; i < p.n; i += WG) {
    history[row + p.f + i] = iterate[p.f + i];
    history[row + params.stride + p.f + i] = u[i];
  }
  // Each thread its own columns of v: another thread may already be changing the rest.
  for (var j = t; j < p.pitch / 4u; j += WG) {
    let g = load4(p.g + 4u * j);
    for (var c = 0u; c < 4u; c++) {
      history[row + p.g + 4u * j + c] = g[c];
      history[row + params.stride + p.g + 4u * j + c] = v[j][c];
    }
  }
}

fn load_scalings(p: Problem, t: u32) {
  for (var i = t; i < p.n; i += WG) { u[i] = iterate[params.stride + p.f + i]; }
  for (var j = t; j < p.pitch / 4u; j += WG) { v[j] = load4(params.stride + p.g + 4u * j); }
  workgroupBarrier();
}

fn store_scalings(p: Problem, t: u32) {
  for (var i = t; i < p.n; i += WG) { iterate[params.stride + p.f + i] = u[i]; }
  for (var j = t; j < p.pitch / 4u; j += WG) { store4(params.stride + p.g + 4u * j, v[j]); }
}

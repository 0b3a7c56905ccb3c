// ot/implicit_system.wgsl — the linear system of the implicit gradient: its diagonals and its right-hand side.
//
//   r/ρ_a, s = (P∘G)1 of every row      c/ρ_b, b = t − Pᵀ(ρ_a s/r), t = (P∘G)ᵀ1 of every column      G = dLoss/dP
//
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Needs    ot/problem.wgsl, ot/passes.wgsl, the bindings of ot/implicit_duals.wgsl

fn get4(p: Problem, part: u32, j4: u32) -> vec4f {
  let at = part * params.stride + p.g + 4u * j4;
  return vec4f(multipliers[at], multipliers[at + 1u], multipliers[at + 2u], multipliers[at + 3u]);
}

fn put4(p: Problem, part: u32, j4: u32, x: vec4f) {
  let at = part * params.stride + p.g + 4u * j4;
  multipliers[at] = x.x;
  multipliers[at + 1u] = x.y;
  multipliers[at + 2u] = x.z;
  multipliers[at + 3u] = x.w;
}

fn inverse(x: vec4f) -> vec4f { return select(vec4f(), 1.0 / max(x, vec4f(1e-37)), x > vec4f(1e-37)); }
fn sum4(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }
fn rho_of(tau: f32, eps: f32) -> f32 { return select(1.0, tau / (tau + eps), tau > 0.0); }

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
      r += plan[at + j];
      s += select(vec4f(), plan[at + j] * slope(p, i, j, mean, eps), in_row(p, j));
    }
    multipliers[p.f + i] = sum4(s);
    multipliers[params.stride + p.f + i] = sum4(r) / rho;
    u[i] = sum4(s) * inverse(vec4f(sum4(r) / rho)).x;
  }
  workgroupBarrier();
}

// c/ρ_b and the right-hand side b. Returns (|b|², Σb, Σc, |terms of b|²), norms of diag(c)⁻¹.
fn columns_of_system(p: Problem, t: u32, mean: f32, eps: f32) -> vec4f {
  let stride = p.pitch / 4u;
  let rho = rho_of(params.tau_b, eps);
  var seen = vec4f();
  for (var j = t; j < stride; j += WG) {
    var c = vec4f();
    var r = vec4f();
    var terms = vec4f();
    for (var i = 0u; i < p.n; i++) {
      let at = p.cost / 4u + i * stride + j;
      let g = slope(p, i, j, mean, eps);
      c += plan[at];
      r += plan[at] * (g - u[i]);
      terms += plan[at] * (abs(g) + abs(u[i]));
    }
    r = select(vec4f(), r, in_row(p, j));
    terms = select(vec4f(), terms, in_row(p, j));
    c = c / rho;
    put4(p, 0u, j, vec4f());
    put4(p, 2u, j, c);
    put4(p, 3u, j, r);
    residual[j] = r;
    let z = inverse(c);
    seen += vec4f(dot(r, r * z), sum4(r), sum4(c), dot(terms, terms * z));
  }
  return sum_workgroup(t, seen);
}

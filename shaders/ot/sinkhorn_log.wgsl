// ot/sinkhorn_log.wgsl — Sinkhorn half-steps in the log domain, with a maximum shift: slow and never wrong.
//
//   g_j = ρ (ε log b_j − ε log Σ_i exp((f_i − C_ij)/ε))      f_i likewise over columns
//   K_ij = exp((f_i + g_j − C_ij)/ε), u = v = 1
//
// Used for the first sweep, when scalings leave their range, and while ε is being lowered.
// Needs from the kernel: ot/passes.wgsl, the bindings of ot/sinkhorn.wgsl.

fn load4(at: u32) -> vec4f {
  return vec4f(iterate[at], iterate[at + 1u], iterate[at + 2u], iterate[at + 3u]);
}

fn store4(at: u32, x: vec4f) {
  iterate[at] = x.x;
  iterate[at + 1u] = x.y;
  iterate[at + 2u] = x.z;
  iterate[at + 3u] = x.w;
}

fn mass4(at: u32) -> vec4f {
  return vec4f(marginals[at], marginals[at + 1u], marginals[at + 2u], marginals[at + 3u]);
}

fn log_columns(p: Problem, t: u32, eps: f32, rho: f32) {
  let stride = p.pitch / 4u;
  for (var j = t; j < stride; j += WG) {
    let at = p.cost / 4u + j;
    var top = vec4f(-3e38);
    for (var i = 0u; i < p.n; i++) { top = max(top, iterate[p.f + i] - cost[at + i * stride]); }
    var s = vec4f();
    for (var i = 0u; i < p.n; i++) {
      s += exp(max((iterate[p.f + i] - cost[at + i * stride] - top) / eps, vec4f(-100.0)));
    }
    let b = mass4(p.g + 4u * j);
    let g = rho * (eps * (log(max(b, vec4f(1e-37))) - log(s)) - top);
    store4(p.g + 4u * j, select(vec4f(NO_MASS), g, b > vec4f()));
  }
  storageBarrier();
  workgroupBarrier();
}

fn log_rows(p: Problem, t: u32, eps: f32, rho: f32) {
  let stride = p.pitch / 4u;
  for (var j = t; j < stride; j += WG) { v[j] = load4(p.g + 4u * j); }
  workgroupBarrier();
  for (var i = t; i < p.n; i += WG) {
    let at = p.cost / 4u + i * stride;
    var top4 = vec4f(-3e38);
    for (var j = 0u; j < stride; j++) { top4 = max(top4, select(vec4f(-3e38), v[j] - cost[at + j], in_row(p, j))); }
    let top = max(max(top4.x, top4.y), max(top4.z, top4.w));
    var s = vec4f();
    for (var j = 0u; j < stride; j++) {
      let e = exp(max((v[j] - cost[at + j] - top) / eps, vec4f(-100.0)));
      s += select(vec4f(), e, in_row(p, j));
    }
    let a = marginals[p.f + i];
    let f = rho * (eps * (log(max(a, 1e-37)) - log(s.x + s.y + s.z + s.w)) - top);
    iterate[p.f + i] = select(NO_MASS, f, a > 0.0);
  }
  storageBarrier();
  workgroupBarrier();
}

// K from the potentials; scalings back to 1, and 0 where there is no mass.
fn absorb(p: Problem, t: u32, eps: f32) {
  let stride = p.pitch / 4u;
  for (var j = t; j < stride; j += WG) {
    let g = load4(p.g + 4u * j);
    let at = p.cost / 4u + j;
    for (var i = 0u; i < p.n; i++) {
      let x = (iterate[p.f + i] + g - cost[at + i * stride]) / eps;
      gibbs[at + i * stride] = select(vec4f(), exp(clamp(x, vec4f(-100.0), vec4f(80.0))), g > vec4f(NO_MASS));
    }
    v[j] = select(vec4f(), vec4f(1.0), g > vec4f(NO_MASS));
  }
  for (var i = t; i < p.n; i += WG) { u[i] = select(0.0, 1.0, iterate[p.f + i] > NO_MASS); }
  storageBarrier();
  workgroupBarrier();
}

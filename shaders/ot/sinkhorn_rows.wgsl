// ot/sinkhorn_rows.wgsl — how a sweep reads K, the portable way: twice, with one barrier each.
//
//   c_j = Σ_i K_ij u_i   before v is proposed      u_i = a_i / (Σ_j K_ij v_j + δ)
//
// Where a device has subgroups, ot/sinkhorn_rows_subgroups.wgsl takes this file's place.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Needs    ot/sinkhorn.wgsl, ot/sinkhorn_sweep.wgsl

fn begin_sweeps(p: Problem, t: u32) { load_scalings(p, t); }

fn column_of(p: Problem, j: u32, known: bool) -> vec4f { return column_sum(p, j); }

fn scale_rows(p: Problem, t: u32, eps: f32, rho: vec2f, omega: f32) {
  for (var i = t; i < p.n; i += WG) {
    let old = vec4f(u[i]);
    let pot = vec4f(iterate[p.f + i]);
    let next = scaling_for(old, vec4f(row_sum(p, i)), vec4f(marginals[p.f + i]), pot, eps, rho);
    if (omega == 1.0) { u[i] = next.x; } else { u[i] = relaxed(old, next, omega).x; }
  }
  workgroupBarrier();
}

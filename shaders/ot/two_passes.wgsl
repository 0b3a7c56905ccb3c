// ot/two_passes.wgsl — the sums of a sweep by two plain passes over K: the portable way, and the entry point.
//
//   c_j = Σ_i K_ij u_i   before v is proposed      s_i = Σ_j K_ij v_j   before u is
//
// Two reads of K a sweep and one barrier each. Where a device has subgroups, ot/fused_pass.wgsl takes this file's place.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Needs    ot/sinkhorn.wgsl

fn know_columns(p: Problem, t: u32) {}

fn known_column(p: Problem, j: u32) -> vec4f { return column_sum(p, j); }

fn scale_rows(p: Problem, t: u32, eps: f32, slack: f32, omega: f32) {
  for (var i = t; i < p.n; i += WG) {
    let old = vec4f(u[i]);
    let pot = vec4f(potentials[p.f + i]);
    let next = scaling_for(old, vec4f(row_sum(p, i)), vec4f(marginals[p.f + i]), pot, eps, slack);
    if (omega == 1.0) { u[i] = next.x; } else { u[i] = relaxed(old, next, omega).x; }
  }
  workgroupBarrier();
}

@compute @workgroup_size(WG)
fn sinkhorn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  sweep_problem(group.x, t);
}

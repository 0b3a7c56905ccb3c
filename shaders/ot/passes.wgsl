// ot/passes.wgsl — the two passes over a matrix that Sinkhorn, its adjoint and its implicit gradient share.
//
//   column_sum(j) = Σ_i M_ij u_i   four columns at once, one thread each
//   row_sum(i)    = Σ_j M_ij v_j   one thread per row
//
// One workgroup owns one problem, so u and v live in workgroup memory and a pass needs one barrier.
// Two plain reads were faster than one read with a cross-thread reduction per row block: 21 against 46 ms
// for 8 problems of 128×160, 50 sweeps, on lavapipe (docs/SINKHORN.md).
// Padding columns of M must be finite and v must be 0 there.
// Needs from the kernel: `override WG: u32` (a multiple of 8), `fn matrix_at(at: u32) -> vec4f`: M, four elements at 4·at.

const MAX_SIDE: u32 = 1024u;

var<workgroup> u: array<f32, MAX_SIDE>;
var<workgroup> v: array<vec4f, MAX_SIDE / 4u>;
var<workgroup> partials: array<vec4f, WG>;
var<workgroup> total: vec4f;

fn column_sum(p: Problem, j4: u32) -> vec4f {
  let stride = p.pitch / 4u;
  var at = p.cost / 4u + j4;
  var s = vec4f();
  for (var i = 0u; i < p.n; i++) {
    s += matrix_at(at) * u[i];
    at += stride;
  }
  return s;
}

fn row_sum(p: Problem, i: u32) -> f32 {
  let stride = p.pitch / 4u;
  let at = p.cost / 4u + i * stride;
  var s = vec4f();
  for (var j = 0u; j < stride; j++) { s += matrix_at(at + j) * v[j]; }
  return s.x + s.y + s.z + s.w;
}

// The columns of group j4 that exist.
fn in_row(p: Problem, j4: u32) -> vec4<bool> {
  return vec4u(4u * j4) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.m);
}

// The sum of every thread's x, the same for all threads and uniform for control flow. Fixed order.
fn sum_workgroup(t: u32, x: vec4f) -> vec4f {
  partials[t] = x;
  workgroupBarrier();
  var s = vec4f();
  if (t < 8u) {
    for (var i = t; i < WG; i += 8u) { s += partials[i]; }
  }
  workgroupBarrier();
  if (t < 8u) { partials[t] = s; }
  workgroupBarrier();
  if (t == 0u) {
    for (var i = 1u; i < 8u; i++) { s += partials[i]; }
    total = s;
  }
  return workgroupUniformLoad(&total);
}

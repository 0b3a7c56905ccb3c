// ot/cost_matrix.wgsl — the cost matrix of every problem of a ragged batch, from features.
//
//   KIND 0  euclidean    ‖x_i − y_j‖            2  cosine     1 − x_i·y_j / (‖x_i‖‖y_j‖)
//        1  sqeuclidean  ‖x_i − y_j‖²           3  attention  x_i·y_j · scale; ot/attention_cost.wgsl does the rest
//
// Source   CoT2Align's code (pairwise_* of its criterions); METHODS §7.
// Shapes   x (rows, D), y (cols, D), D a multiple of 4 · x_norms (rows), y_norms (cols), read by cosine · cost (ragged)
// Grid     32×32 tiles of the largest problem, times problems: (⌈maxCols/32⌉, ⌈maxRows/32⌉, problems).
// WG       8×8 threads, 4×4 elements each: 16 sums per 8 vector loads, no workgroup memory, little to compile.
// Numerics f32. Distances from differences, not from the Gram matrix: identical points cost exactly 0.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl

override KIND: u32 = 2u;

struct Params {
  width: u32,  // D
  first: u32,  // first problem of the call
  scale: f32,  // 1/√d, for attention
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> y: array<vec4f>;
@group(0) @binding(4) var<storage, read> x_norms: array<f32>;
@group(0) @binding(5) var<storage, read> y_norms: array<f32>;
@group(0) @binding(6) var<storage, read_write> cost: array<f32>;

@compute @workgroup_size(8, 8)
fn cost_matrix(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let p = problems[params.first + group.z];
  let i0 = group.y * 32u + local.y * 4u;
  let j0 = group.x * 32u + local.x * 4u;
  if (i0 >= p.n || j0 >= p.m) { return; }

  let width = params.width / 4u;
  // Rows beyond the edge read the last one again; their sums are not stored.
  let xi = (p.x + min(vec4u(i0) + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u))) * width;
  let yj = (p.y + min(vec4u(j0) + vec4u(0u, 1u, 2u, 3u), vec4u(p.m - 1u))) * width;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  for (var k = 0u; k < width; k++) {
    let y0 = y[yj.x + k];
    let y1 = y[yj.y + k];
    let y2 = y[yj.z + k];
    let y3 = y[yj.w + k];
    s0 += terms(x[xi.x + k], y0, y1, y2, y3);
    s1 += terms(x[xi.y + k], y0, y1, y2, y3);
    s2 += terms(x[xi.z + k], y0, y1, y2, y3);
    s3 += terms(x[xi.w + k], y0, y1, y2, y3);
  }
  store(p, i0, j0, s0);
  store(p, i0 + 1u, j0, s1);
  store(p, i0 + 2u, j0, s2);
  store(p, i0 + 3u, j0, s3);
}

fn terms(x: vec4f, y0: vec4f, y1: vec4f, y2: vec4f, y3: vec4f) -> vec4f {
  if (KIND >= 2u) { return vec4f(dot(x, y0), dot(x, y1), dot(x, y2), dot(x, y3)); }
  let d0 = x - y0;
  let d1 = x - y1;
  let d2 = x - y2;
  let d3 = x - y3;
  return vec4f(dot(d0, d0), dot(d1, d1), dot(d2, d2), dot(d3, d3));
}

fn store(p: Problem, i: u32, j0: u32, s: vec4f) {
  if (i >= p.n) { return; }
  let at = p.cost + i * p.pitch;
  for (var c = 0u; c < 4u; c++) {
    let j = j0 + c;
    if (j < p.pitch) { cost[at + j] = select(0.0, finished(p, i, min(j, p.m - 1u), s[c]), j < p.m); }
  }
}

fn finished(p: Problem, i: u32, j: u32, s: f32) -> f32 {
  switch (KIND) {
    case 0u: { return sqrt(s); }
    case 1u: { return s; }
    case 2u: { return 1.0 - s / (x_norms[p.x + i] * y_norms[p.y + j]); }
    default: { return s * params.scale; }
  }
}

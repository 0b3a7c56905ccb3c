// ot/feature_gradient.wgsl — the gradient of the features from the weights of ot/cost_weights.wgsl.
//
//   dx_r = Σ over problems that contain row r:  Σ_j W_ij (y_j − [DISTANCE] x_i) + α_i x_i
//   SIDE 1: the same for dy, with Wᵀ and β.
//
// Every row of dx is written, or added to: rows outside all problems get 0, and a row that several problems
// share gets the sum over them in their order. So no clearing pass, no atomics, and any overlap is right.
//
// Source   docs/SINKHORN.md, "From the cost to the features".
// Shapes   own (rows, D), other (cols, D), D a multiple of 4 · weights (ragged) · alpha (R+S) · grad (rows, D)
// Grid     (⌈D/32⌉, ⌈rows/32⌉): 8×8 threads, 4 rows × 4 columns each.
// Numerics f32. Distances use differences: nothing cancels when points nearly coincide.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Uses     ot/problem.wgsl

override SIDE: u32 = 0u;     // 0: own = x; 1: own = y
override DISTANCE: u32 = 0u; // 1 for euclidean and sqeuclidean
override PULL: u32 = 0u;     // 1 for cosine: add α_i x_i

struct Params {
  first: u32,
  count: u32,
  rows: u32,
  width: u32, // D
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> problems: array<Problem>;
@group(0) @binding(2) var<storage, read> own: array<vec4f>;
@group(0) @binding(3) var<storage, read> other: array<vec4f>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> alpha: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad: array<vec4f>;

@compute @workgroup_size(8, 8)
fn feature_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let width = params.width / 4u;
  let d = group.x * 8u + local.x;
  let r0 = group.y * 32u + local.y * 4u;
  if (d >= width || r0 >= params.rows) { return; }
  let last = params.rows - 1u;
  let rows = min(vec4u(r0) + vec4u(0u, 1u, 2u, 3u), vec4u(last));
  let o = array(own[rows.x * width + d], own[rows.y * width + d], own[rows.z * width + d], own[rows.w * width + d]);
  var sum = array(vec4f(), vec4f(), vec4f(), vec4f());

  for (var q = params.first; q < params.first + params.count; q++) {
    let p = problems[q];
    let start = select(p.x, p.y, SIDE == 1u);
    let length = select(p.n, p.m, SIDE == 1u);
    if (r0 >= start + length || r0 + 4u <= start || p.n == 0u || p.m == 0u) { continue; }
    let inside = select(vec4f(), vec4f(1.0), (rows >= vec4u(start)) & (rows < vec4u(start + length)));
    let i = clamp(rows, vec4u(start), vec4u(start + length - 1u)) - start; // rows outside weigh 0
    // W at (row i, term k) is weights[at + k·step]: along a row for x, down a column for y.
    let at = p.cost + select(i * p.pitch, i, SIDE == 1u);
    let step = select(1u, p.pitch, SIDE == 1u);
    let terms = select(p.m, p.n, SIDE == 1u);
    var y = select(p.y, p.x, SIDE == 1u) * width + d;
    for (var k = 0u; k < terms; k++) {
      let value = other[y];
      y += width;
      let w = vec4f(weights[at.x + k * step], weights[at.y + k * step], weights[at.z + k * step], weights[at.w + k * step]) * inside;
      sum[0] += w.x * moved(value, o[0]);
      sum[1] += w.y * moved(value, o[1]);
      sum[2] += w.z * moved(value, o[2]);
      sum[3] += w.w * moved(value, o[3]);
    }
    if (PULL == 1u) {
      let a = select(p.f, p.g, SIDE == 1u) + i;
      for (var c = 0u; c < 4u; c++) { sum[c] += inside[c] * alpha[a[c]] * o[c]; }
    }
  }
  for (var c = 0u; c < 4u; c++) {
    if (r0 + c > last) { break; }
    let at = (r0 + c) * width + d;
    if (params.accumulate == 1u) { grad[at] += sum[c]; } else { grad[at] = sum[c]; }
  }
}

fn moved(value: vec4f, own: vec4f) -> vec4f { return select(value, value - own, DISTANCE == 1u); }

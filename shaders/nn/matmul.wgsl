// nn/matmul.wgsl — a matrix product in any layout, with an optional addend and optional accumulation.
//
//   out[r,c] (+)= Σ_k a[r,k] · b[k,c]  (+ addend[r,c])
//
// Source   the three products of a linear layer: Y = X·Wᵀ, dX = dY·W, dW = dYᵀ·X.
// Shapes   a is (rows × inner) and b (inner × cols), each with two strides, so every layout is this kernel;
//          out (rows, cols) row-major; addend: a bias (stride 0) or a matrix like out (stride = cols).
// Grid     one thread per 4×4 block of out: dispatch (⌈cols/32⌉, ⌈rows/32⌉). With a third dimension, layer z sums its
//          `chunk` of k alone, and out is (parts, rows, cols): nn/sum_parts adds them up.
// WG       8×8 threads, 16 sums in registers, no workgroup memory: on lavapipe the fastest of the shapes
//          compared (64×64 and 32×32 tiles in workgroup memory were 1.5–4 times slower there).
// Numerics f32, one sum per output in the order of k. Indices past the edge are clamped, never branched on:
//          such a thread computes a duplicate and does not store it.
// Oracle   test/oracle/nn.ts (f64). Tested by test/kernels/nn-matmul.test.ts.

struct Params {
  rows: u32,
  cols: u32,
  inner: u32,
  a_row: u32,       // elements between a[r,·] and a[r+1,·]
  a_inner: u32,     // elements between a[·,k] and a[·,k+1]
  b_inner: u32,
  b_col: u32,
  addend_row: u32,  // 0: a bias, the same for every row
  add: u32,         // 1: add the addend
  accumulate: u32,  // 1: add to what out holds
  chunk: u32,       // k of a part; inner for the whole product
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn store(part: u32, row: u32, col: u32, sums: vec4f) {
  if (row >= params.rows) { return; }
  for (var j = 0u; j < 4u; j++) {
    let c = col + j;
    if (c >= params.cols) { return; }
    var value = sums[j];
    let at = (part * params.rows + row) * params.cols + c;
    if (params.add == 1u) { value += addend[row * params.addend_row + c]; }
    if (params.accumulate == 1u) { value += out[at]; }
    out[at] = value;
  }
}

@compute @workgroup_size(8, 8)
fn matmul(@builtin(global_invocation_id) thread: vec3u) {
  let col = thread.x * 4u;
  let row = thread.y * 4u;
  if (row >= params.rows || col >= params.cols) { return; }
  let first = thread.z * params.chunk;
  var at_a = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(params.rows - 1u)) * params.a_row + first * params.a_inner;
  var at_b = min(col + vec4u(0u, 1u, 2u, 3u), vec4u(params.cols - 1u)) * params.b_col + first * params.b_inner;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var k = first; k < min(first + params.chunk, params.inner); k++) {
    let y = vec4f(b[at_b.x], b[at_b.y], b[at_b.z], b[at_b.w]);
    sum0 += a[at_a.x] * y;
    sum1 += a[at_a.y] * y;
    sum2 += a[at_a.z] * y;
    sum3 += a[at_a.w] * y;
    at_a += vec4u(params.a_inner);
    at_b += vec4u(params.b_inner);
  }
  store(thread.z, row, col, sum0);
  store(thread.z, row + 1u, col, sum1);
  store(thread.z, row + 2u, col, sum2);
  store(thread.z, row + 3u, col, sum3);
}

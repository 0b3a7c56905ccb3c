// nn/matmul_shared.wgsl — the matrix products of nn/matmul, with tiles of both operands in workgroup memory.
//
//   out[r,c] (+)= Σ_k a[r,k] · b[k,c]  (+ addend[r,c])
//
// Source   as nn/matmul; the classic tiling (Volkov & Demmel 2008): 16 reads from memory feed 4096 products.
// Shapes   as nn/matmul: any sizes and strides.
// Grid     one workgroup per 64×64 block of out: dispatch (⌈cols/64⌉, ⌈rows/64⌉, parts of k as in nn/matmul).
// WG       16×16 threads of 4×4 sums each; two tiles of 64×16, 8 KiB. Made for hardware without subgroups: there a
//          value is read from memory once per 64 uses. On lavapipe, where workgroup memory is no faster than any
//          other, it loses to nn/matmul (docs/LOG.md).
// Numerics f32, one sum per output in the order of k: the bits of nn/matmul.
// Oracle   test/oracle/nn.ts (f64). Tested by test/kernels/nn-matmul.test.ts.

struct Params {
  rows: u32,
  cols: u32,
  inner: u32,
  a_row: u32,
  a_inner: u32,
  b_inner: u32,
  b_col: u32,
  addend_row: u32, // 0: a bias, the same for every row
  add: u32,        // 1: add the addend
  accumulate: u32, // 1: add to what out holds
  chunk: u32,      // k of a part; inner for the whole product
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const DEPTH = 16u; // k of a tile

var<workgroup> a_tile: array<vec4f, 256>; // [k][r/4]
var<workgroup> b_tile: array<vec4f, 256>; // [k][c/4]

// Where thread `tid` reads: neighbours read neighbours in memory, whichever index that is. (k, line)
fn spot(tid: u32, inner_stride: u32) -> vec2u {
  return select(vec2u(tid / 64u, tid % 64u), vec2u(tid % DEPTH, tid / DEPTH), inner_stride == 1u);
}

fn store(part: u32, row: u32, col: u32, sums: vec4f) {
  if (row >= params.rows) { return; }
  for (var j = 0u; j < min(4u, params.cols - min(col, params.cols)); j++) {
    let at = (part * params.rows + row) * params.cols + col + j;
    var value = sums[j];
    if (params.add == 1u) { value += addend[row * params.addend_row + col + j]; }
    if (params.accumulate == 1u) { value += out[at]; }
    out[at] = value;
  }
}

@compute @workgroup_size(16, 16)
fn matmul_shared(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let first_row = group.y * 64u;
  let first_col = group.x * 64u;
  let at_a = spot(tid, params.a_inner);
  let at_b = spot(tid, params.b_inner);
  // A step through the tile's other lines or k: 4 reads a thread fill 64×16.
  let step_a = select(vec2u(4u, 0u), vec2u(0u, 16u), params.a_inner == 1u);
  let step_b = select(vec2u(4u, 0u), vec2u(0u, 16u), params.b_inner == 1u);
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  let end = min((group.z + 1u) * params.chunk, params.inner);
  for (var k0 = group.z * params.chunk; k0 < end; k0 += DEPTH) {
    for (var i = 0u; i < 4u; i++) {
      let pa = at_a + i * step_a;
      let pb = at_b + i * step_b;
      // Past an edge this reads what no stored sum uses.
      let at_row = (first_row + pa.y) * params.a_row;
      let at_col = (first_col + pb.y) * params.b_col;
      a_tile[pa.x * 16u + pa.y / 4u][pa.y % 4u] = a[at_row + (k0 + pa.x) * params.a_inner];
      b_tile[pb.x * 16u + pb.y / 4u][pb.y % 4u] = b[at_col + (k0 + pb.x) * params.b_inner];
    }
    workgroupBarrier();
    let depth = min(DEPTH, end - k0); // a bound unknown to the compiler: unrolled, it takes seconds to compile
    for (var k = 0u; k < depth; k++) {
      let x = a_tile[k * 16u + local.y];
      let y = b_tile[k * 16u + local.x];
      s0 += x.x * y;
      s1 += x.y * y;
      s2 += x.z * y;
      s3 += x.w * y;
    }
    workgroupBarrier();
  }
  let row = first_row + local.y * 4u;
  let col = first_col + local.x * 4u;
  store(group.z, row, col, s0);
  store(group.z, row + 1u, col, s1);
  store(group.z, row + 2u, col, s2);
  store(group.z, row + 3u, col, s3);
}

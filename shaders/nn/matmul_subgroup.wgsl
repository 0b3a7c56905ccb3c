// nn/matmul_subgroup.wgsl — the matrix products of nn/matmul, with one operand handed round inside a subgroup.
//
//   out[r,c] (+)= Σ_k a[r,k] · b[k,c]  (+ addend[r,c])
//
// Source   as nn/matmul; three entry points, one per layout: nt a·bᵀ, nn a·b, tn aᵀ·b.
// Shapes   rows × cols × inner, all matrices row-major and read as vec4: cols a multiple of 4; for nt and nn also
//          inner, for tn also rows. What does not fit goes through nn/matmul.
// Grid     one workgroup per 8 rows × 4·WG columns: dispatch (⌈cols/(4·WG)⌉, ⌈rows/8⌉).
// WG       one subgroup of at least 8 lanes. A lane owns 4 columns, so b is read once by whoever needs it; the
//          8×4 block of a that a step of k needs is read by 8 lanes, one vec4 each, and broadcast. That is 5 loads
//          for 128 multiply-adds of a lane; 4×4 blocks without broadcast take 8 for 64. On lavapipe, where a load
//          costs a loop over lanes, 16 against 5 GFLOP/s (512×512×128).
// Numerics f32; sums in the order of k, four at a time: not the same bits as nn/matmul.
// Oracle   test/oracle/nn.ts (f64). Tested by test/kernels/nn-matmul-subgroup.test.ts.
// Prelude  enable subgroups;

override WG: u32 = 32u;

struct Params {
  rows: u32,
  cols: u32,
  inner: u32,
  a_row: u32, // the strides of nn/matmul: one struct serves both, and here the entry point is the layout
  a_inner: u32,
  b_inner: u32,
  b_col: u32,
  addend_row: u32, // 0: a bias, the same for every row
  add: u32,        // 1: add the addend
  accumulate: u32, // 1: add to what out holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

struct Place {
  row: u32,    // first of 8 rows
  col: u32,    // in vec4s; may lie past the edge
  inside: u32, // col, clamped: lanes past the edge compute a duplicate, since all lanes must broadcast
  lane: u32,   // 0…7: which part of a this lane reads
}

fn place(group: vec3u, tid: u32, lane: u32) -> Place {
  let col = group.x * WG + tid;
  return Place(group.y * 8u, col, min(col, params.cols / 4u - 1u), lane % 8u);
}

fn store(at: Place, sums: ptr<function, array<vec4f, 8>>) {
  let width = params.cols / 4u;
  if (at.col >= width) { return; }
  for (var i = 0u; i < 8u; i++) {
    let row = at.row + i;
    if (row >= params.rows) { return; }
    var value = (*sums)[i];
    let to = row * width + at.col;
    if (params.add == 1u) { value += addend[row * params.addend_row / 4u + at.col]; }
    if (params.accumulate == 1u) { value += out[to]; }
    out[to] = value;
  }
}

@compute @workgroup_size(WG)
fn matmul_nt(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let at = place(group, tid, lane);
  let width = params.inner / 4u;
  let mine = min(at.row + at.lane, params.rows - 1u) * width;
  let first = at.inside * 4u * width;
  var s: array<vec4f, 8>;
  for (var k = 0u; k < width; k++) {
    let part = a[mine + k]; // row `lane` of the 8×4 block
    let w = transpose(mat4x4f(
      b[first + k], b[first + width + k], b[first + 2u * width + k], b[first + 3u * width + k]));
    s[0] += w * subgroupBroadcast(part, 0u);
    s[1] += w * subgroupBroadcast(part, 1u);
    s[2] += w * subgroupBroadcast(part, 2u);
    s[3] += w * subgroupBroadcast(part, 3u);
    s[4] += w * subgroupBroadcast(part, 4u);
    s[5] += w * subgroupBroadcast(part, 5u);
    s[6] += w * subgroupBroadcast(part, 6u);
    s[7] += w * subgroupBroadcast(part, 7u);
  }
  store(at, &s);
}

@compute @workgroup_size(WG)
fn matmul_nn(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let at = place(group, tid, lane);
  let width = params.cols / 4u;
  let mine = min(at.row + at.lane, params.rows - 1u) * (params.inner / 4u);
  var s: array<vec4f, 8>;
  for (var k = 0u; k < params.inner / 4u; k++) {
    let part = a[mine + k];
    let first = 4u * k * width + at.inside;
    let w = mat4x4f(b[first], b[first + width], b[first + 2u * width], b[first + 3u * width]);
    s[0] += w * subgroupBroadcast(part, 0u);
    s[1] += w * subgroupBroadcast(part, 1u);
    s[2] += w * subgroupBroadcast(part, 2u);
    s[3] += w * subgroupBroadcast(part, 3u);
    s[4] += w * subgroupBroadcast(part, 4u);
    s[5] += w * subgroupBroadcast(part, 5u);
    s[6] += w * subgroupBroadcast(part, 6u);
    s[7] += w * subgroupBroadcast(part, 7u);
  }
  store(at, &s);
}

// One k of tn: rows 0–3 and 4–7 of the block lie in two vec4s.
fn rank1(s: ptr<function, array<vec4f, 8>>, low: vec4f, high: vec4f, w: vec4f) {
  (*s)[0] += low.x * w;
  (*s)[1] += low.y * w;
  (*s)[2] += low.z * w;
  (*s)[3] += low.w * w;
  (*s)[4] += high.x * w;
  (*s)[5] += high.y * w;
  (*s)[6] += high.z * w;
  (*s)[7] += high.w * w;
}

@compute @workgroup_size(WG)
fn matmul_tn(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let at = place(group, tid, lane);
  let width = params.cols / 4u;
  let a_width = params.rows / 4u;
  let mine = min(at.row / 4u + at.lane % 2u, a_width - 1u);
  let last = params.inner - 1u;
  var s: array<vec4f, 8>;
  for (var k = 0u; k < params.inner; k += 4u) {
    let row = k + at.lane / 2u; // lanes 0–7 read k, k, k+1, k+1, …: rows 0–3 and 4–7 of the block
    let part = select(vec4f(), a[min(row, last) * a_width + mine], row <= last);
    let w0 = b[k * width + at.inside];
    let w1 = b[min(k + 1u, last) * width + at.inside];
    let w2 = b[min(k + 2u, last) * width + at.inside];
    let w3 = b[min(k + 3u, last) * width + at.inside];
    rank1(&s, subgroupBroadcast(part, 0u), subgroupBroadcast(part, 1u), w0);
    rank1(&s, subgroupBroadcast(part, 2u), subgroupBroadcast(part, 3u), w1);
    rank1(&s, subgroupBroadcast(part, 4u), subgroupBroadcast(part, 5u), w2);
    rank1(&s, subgroupBroadcast(part, 6u), subgroupBroadcast(part, 7u), w3);
  }
  store(at, &s);
}

// nn/matmul_subgroup.wgsl — the matrix products of nn/matmul, with one operand handed round inside a subgroup.
//
//   out[r,c] (+)= Σ_k a[r,k] · b[k,c]  (+ addend[r,c])
//
// Source   as nn/matmul; three entry points, one per layout: nt a·bᵀ, nn a·b, tn aᵀ·b.
// Shapes   rows × cols × inner, all matrices row-major and read as vec4: cols a multiple of 4; for nt and nn also
//          inner, for tn also rows. What does not fit goes through nn/matmul.
// Grid     one workgroup per 16 rows × 4·WG columns: dispatch (⌈cols/(4·WG)⌉, ⌈rows/16⌉), for tn with parts of k as
//          a third dimension, as in nn/matmul.
// WG       one subgroup of at least 8 lanes. A lane owns 4 columns, so b is read once by whoever needs it; the
//          16×4 block of a that a step of k needs is read by 8 lanes, two vec4s each, and broadcast. That is 6
//          loads for 256 multiply-adds of a lane; 4×4 blocks without broadcast take 8 for 64. On lavapipe, where a
//          load costs a loop over lanes, 3 to 4 times the rate of nn/matmul, and 1.2 times that of 8 rows; 8×8
//          blocks were slower. Ratios: docs/LOG.md, bench/matmul.bench.ts.
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
  chunk: u32,      // k of a part; inner for the whole product
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

struct Place {
  row: u32,    // first of 16 rows
  col: u32,    // in vec4s; may lie past the edge
  inside: u32, // col, clamped: lanes past the edge compute a duplicate, since all lanes must broadcast
  lane: u32,   // 0…7: which part of a this lane reads
  part: u32,   // of k
}

fn place(group: vec3u, tid: u32, lane: u32) -> Place {
  let col = group.x * WG + tid;
  return Place(group.y * 16u, col, min(col, params.cols / 4u - 1u), lane % 8u, group.z);
}

// A row at a time, then the others move up: sixteen copies of these loads took lavapipe's compiler four times as long.
fn store(at: Place, sums: ptr<function, array<vec4f, 16>>) {
  let width = params.cols / 4u;
  if (at.col >= width) { return; }
  let end = min(at.row + 16u, params.rows);
  for (var row = at.row; row < end; row++) {
    var value = (*sums)[0];
    let to = (at.part * params.rows + row) * width + at.col;
    if (params.add == 1u) { value += addend[row * params.addend_row / 4u + at.col]; }
    if (params.accumulate == 1u) { value += out[to]; }
    out[to] = value;
    for (var i = 0u; i < 15u; i++) { (*sums)[i] = (*sums)[i + 1u]; }
  }
}

// Four k of eight rows: lane i of the subgroup holds row first + i of a.
fn rank4(s: ptr<function, array<vec4f, 16>>, first: u32, w: mat4x4f, part: vec4f) {
  (*s)[first] += w * subgroupBroadcast(part, 0u);
  (*s)[first + 1u] += w * subgroupBroadcast(part, 1u);
  (*s)[first + 2u] += w * subgroupBroadcast(part, 2u);
  (*s)[first + 3u] += w * subgroupBroadcast(part, 3u);
  (*s)[first + 4u] += w * subgroupBroadcast(part, 4u);
  (*s)[first + 5u] += w * subgroupBroadcast(part, 5u);
  (*s)[first + 6u] += w * subgroupBroadcast(part, 6u);
  (*s)[first + 7u] += w * subgroupBroadcast(part, 7u);
}

@compute @workgroup_size(WG)
fn matmul_nt(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let at = place(group, tid, lane);
  let width = params.inner / 4u;
  let low = min(at.row + at.lane, params.rows - 1u) * width;
  let high = min(at.row + 8u + at.lane, params.rows - 1u) * width;
  let first = at.inside * 4u * width;
  var s: array<vec4f, 16>;
  for (var k = 0u; k < width; k++) {
    let w = transpose(mat4x4f(
      b[first + k], b[first + width + k], b[first + 2u * width + k], b[first + 3u * width + k]));
    rank4(&s, 0u, w, a[low + k]);
    rank4(&s, 8u, w, a[high + k]);
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
  let low = min(at.row + at.lane, params.rows - 1u) * (params.inner / 4u);
  let high = min(at.row + 8u + at.lane, params.rows - 1u) * (params.inner / 4u);
  var s: array<vec4f, 16>;
  for (var k = 0u; k < params.inner / 4u; k++) {
    let first = 4u * k * width + at.inside;
    let w = mat4x4f(b[first], b[first + width], b[first + 2u * width], b[first + 3u * width]);
    rank4(&s, 0u, w, a[low + k]);
    rank4(&s, 8u, w, a[high + k]);
  }
  store(at, &s);
}

// One k of four rows.
fn rank1(s: ptr<function, array<vec4f, 16>>, first: u32, x: vec4f, w: vec4f) {
  (*s)[first] += x.x * w;
  (*s)[first + 1u] += x.y * w;
  (*s)[first + 2u] += x.z * w;
  (*s)[first + 3u] += x.w * w;
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
  let mine = min(at.row / 4u + at.lane % 4u, a_width - 1u);
  let last = min((group.z + 1u) * params.chunk, params.inner) - 1u; // group, not at: the loop must be uniform
  var s: array<vec4f, 16>;
  for (var k = group.z * params.chunk; k <= last; k += 2u) {
    let row = k + at.lane / 4u; // lanes 0–3 read the block's 16 rows at k, lanes 4–7 at k + 1
    let part = select(vec4f(), a[min(row, last) * a_width + mine], row <= last);
    let even = b[k * width + at.inside];
    let odd = b[min(k + 1u, last) * width + at.inside];
    rank1(&s, 0u, subgroupBroadcast(part, 0u), even);
    rank1(&s, 4u, subgroupBroadcast(part, 1u), even);
    rank1(&s, 8u, subgroupBroadcast(part, 2u), even);
    rank1(&s, 12u, subgroupBroadcast(part, 3u), even);
    rank1(&s, 0u, subgroupBroadcast(part, 4u), odd);
    rank1(&s, 4u, subgroupBroadcast(part, 5u), odd);
    rank1(&s, 8u, subgroupBroadcast(part, 6u), odd);
    rank1(&s, 12u, subgroupBroadcast(part, 7u), odd);
  }
  store(at, &s);
}

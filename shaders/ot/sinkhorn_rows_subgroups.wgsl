// ot/sinkhorn_rows_subgroups.wgsl — how a sweep reads K, once, with subgroups; takes the place of ot/sinkhorn_rows.wgsl.
//
//   for each block of 8 rows:   s_i = Σ_j K_ij v_j,   u_i from s_i,   c_j += K_ij u_i      K held in registers between
//
// A thread owns 4 columns. A row's sum is a subgroup sum, then a sum over subgroups through workgroup memory; lane r
// of every subgroup works out u of the block's row r and broadcasts it: one barrier a block, its buffer used in turns.
// WG       at least pitch/4 for every problem; subgroups of at least 8 lanes. Idle lanes cost on a software adapter,
//          so WG follows the largest problem: 31 ms of processor time against 42 (two passes) and 44 (64 threads where
//          40 do) for 8×128×160, 50 sweeps on lavapipe.
// Layout   WGSL does not say which threads form a subgroup: each one finds its place among the others' first threads.
// Oracle   test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.
// Needs    ot/sinkhorn.wgsl, ot/sinkhorn_sweep.wgsl
// Prelude  enable subgroups;

const ROWS: u32 = 8u;

var<workgroup> firsts: array<u32, WG>;      // 1 where a subgroup begins
var<workgroup> parts: array<f32, 2u * WG>;  // row sums of each subgroup, two blocks of 8 in turns
var<private> lane: u32;
var<private> owns: bool;  // does a thread of this subgroup own columns?
var<private> mine: u32;   // this subgroup's place among those
var<private> owners: u32; // how many those are

fn begin_sweeps(p: Problem, t: u32) {
  load_scalings(p, t);
  lane = subgroupExclusiveAdd(1u);
  let first = subgroupMin(t);
  owns = subgroupAny(t < p.pitch / 4u);
  firsts[t] = select(0u, 1u, owns && t == first);
  workgroupBarrier();
  for (var k = 0u; k < WG; k++) {
    mine += select(0u, firsts[k], k < first);
    owners += firsts[k];
  }
}

// Known from the pass over the rows before; else, after K was made anew, by a pass of its own.
fn column_of(p: Problem, j: u32, known: bool) -> vec4f {
  if (known) { return v_next[j]; }
  return column_sum(p, j);
}

fn scale_rows(p: Problem, t: u32, eps: f32, rho: vec2f, omega: f32) {
  let stride = p.pitch / 4u;
  let last = p.n - 1u;
  let r = lane % ROWS;
  var column = vec4f();
  for (var j = t; j < stride; j += WG) { column = v[j]; }
  var sums = vec4f();
  var turn = 0u;
  for (var i0 = 0u; i0 < p.n; i0 += ROWS) {
    var k: array<vec4f, 8>; // stays 0 where a thread owns no column
    for (var j = t; j < stride; j += WG) {
      let at = p.cost / 4u + j;
      k[0] = gibbs[at + i0 * stride];
      k[1] = gibbs[at + min(i0 + 1u, last) * stride];
      k[2] = gibbs[at + min(i0 + 2u, last) * stride];
      k[3] = gibbs[at + min(i0 + 3u, last) * stride];
      k[4] = gibbs[at + min(i0 + 4u, last) * stride];
      k[5] = gibbs[at + min(i0 + 5u, last) * stride];
      k[6] = gibbs[at + min(i0 + 6u, last) * stride];
      k[7] = gibbs[at + min(i0 + 7u, last) * stride];
    }
    let low = subgroupAdd(vec4f(dot(k[0], column), dot(k[1], column), dot(k[2], column), dot(k[3], column)));
    let high = subgroupAdd(vec4f(dot(k[4], column), dot(k[5], column), dot(k[6], column), dot(k[7], column)));
    if (owns && lane < ROWS) { parts[turn + mine * ROWS + lane] = select(low, high, r >= 4u)[r % 4u]; }
    workgroupBarrier();
    var sum = 0.0;
    for (var g = 0u; g < owners; g++) { sum += parts[turn + g * ROWS + r]; }
    let scaled = row_scaling(p, i0 + r, sum, eps, rho, omega);
    if (owns && mine == 0u && lane < ROWS && i0 + r <= last) { u[i0 + r] = scaled; }
    sums += k[0] * subgroupBroadcast(scaled, 0u) + k[1] * subgroupBroadcast(scaled, 1u);
    sums += k[2] * subgroupBroadcast(scaled, 2u) + k[3] * subgroupBroadcast(scaled, 3u);
    sums += k[4] * subgroupBroadcast(scaled, 4u) + k[5] * subgroupBroadcast(scaled, 5u);
    sums += k[6] * subgroupBroadcast(scaled, 6u) + k[7] * subgroupBroadcast(scaled, 7u);
    turn = WG - turn;
  }
  for (var j = t; j < stride; j += WG) { v_next[j] = sums; }
  workgroupBarrier();
}

// u of row i, 0 past the last one. Balanced plain sweeps, the usual case, need neither the old u nor the potential.
fn row_scaling(p: Problem, i: u32, sum: f32, eps: f32, rho: vec2f, omega: f32) -> f32 {
  let row = min(i, p.n - 1u);
  let mass = marginals[p.f + row];
  var next = mass / max(sum + params.delta, 1e-37);
  if (rho.y != 0.0 || omega != 1.0) {
    let old = vec4f(u[row]);
    let exact = scaling_for(old, vec4f(sum), vec4f(mass), vec4f(iterate[p.f + row]), eps, rho);
    next = exact.x;
    if (omega != 1.0) { next = relaxed(old, exact, omega).x; }
  }
  return select(0.0, next, i < p.n);
}

// loss/radix_scan.wgsl — counts become places: the exclusive running sum of each row's counts, digit by digit.
//
//   counts[p, d, b] ← Σ of counts[p, d′, b′] with d′ < d, or d′ = d and b′ < b
//
// Shapes   rows (P): 0xffffffff = skipped · counts (P, n), n = 64 · blocks, in place
// Grid     one workgroup per row: dispatch (P).
// WG = 64  each thread sums n/64 neighbours (75 for 151936 columns), then writes their running sums: 1 barrier.
// Numerics integers.
// Oracle   test/oracle/sorted-l1.ts. Tested by test/kernels/sort-rows.test.ts.

const WG = 64u;

struct Params {
  length: u32, // n
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

var<workgroup> sums: array<u32, WG>;

@compute @workgroup_size(64)
fn radix_scan(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  if (rows[group.x] == 0xffffffffu) { return; }
  let row = group.x * params.length;
  let share = (params.length + WG - 1u) / WG;
  let first = min(tid * share, params.length);
  let end = min(first + share, params.length);
  var sum = 0u;
  for (var i = first; i < end; i++) { sum += counts[row + i]; }
  sums[tid] = sum;
  workgroupBarrier();
  var running = 0u;
  for (var t = 0u; t < tid; t++) { running += sums[t]; }
  for (var i = first; i < end; i++) {
    let count = counts[row + i];
    counts[row + i] = running;
    running += count;
  }
}

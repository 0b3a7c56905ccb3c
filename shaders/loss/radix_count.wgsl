// loss/radix_count.wgsl — how often each digit occurs in each block of each row.
//
//   counts[p, digit, block] = #{ v in block : digit of keys[p,v] = digit }
//
// Source   least-significant-digit radix sort (Satish, Harris, Garland 2009): count, scan, scatter.
// Shapes   rows (P): 0xffffffff = skipped · keys (P, V) · tops: (largest, ·) of the source
//          rows, read with a `quantum` · counts (P, 64, blocks)
// Grid     one workgroup per block and row: dispatch (blocks, P). 151936 columns are 75 blocks a row.
// WG = 64  see loss/radix_block.wgsl: 8 KiB of counters, 1 barrier.
// Numerics integers.
// Oracle   test/oracle/sorted-l1.ts. Tested by test/kernels/sort-rows.test.ts.
// Uses     loss/radix_block.wgsl

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read> tops: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(64)
fn radix_count(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = rows[group.y];
  if (row == 0xffffffffu) { return; }
  var top = 0.0;
  if (params.quantum > 0.0) { top = tops[row].x; }
  digits_clear(tid);
  let first = group.x * BLOCK + tid * ITEMS;
  let end = min(first + ITEMS, params.vocab);
  for (var v = first; v < end; v++) {
    let seen = digit_increment(tid, digit_of(keys[group.y * params.vocab + v], top));
  }
  workgroupBarrier();
  if (tid >= WORDS) { return; }
  var sum = 0u; // both digits of the word at once
  for (var t = 0u; t < WG; t++) { sum += digit_counts[tid * WG + t]; }
  let at = (group.y * BINS + 2u * tid) * params.blocks + group.x;
  counts[at] = sum & 0xffffu;
  counts[at + params.blocks] = sum >> 16u;
}

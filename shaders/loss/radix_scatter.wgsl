// loss/radix_scatter.wgsl — one pass of a stable radix sort: every element to its place by this digit.
//
//   sorted[p, place] = keys[p,v],  sorted_order[p, place] = order[p,v],
//   place = counts[p, digit, block] + #{earlier elements of the block with this digit}
//
// Shapes   rows (P): 0xffffffff = skipped · counts (P, 64, blocks) after loss/radix_scan.wgsl
//          tops as there · keys, order, sorted, sorted_order (P, V); orders are touched only as `flags` says
// Grid     one workgroup per block and row: dispatch (blocks, P).
// WG = 64  see loss/radix_block.wgsl: 2 barriers.
// Numerics integers.
// Oracle   test/oracle/sorted-l1.ts. Tested by test/kernels/sort-rows.test.ts.
// Uses     loss/radix_block.wgsl

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(3) var<storage, read> tops: array<vec2f>;
@group(0) @binding(4) var<storage, read> keys: array<u32>;
@group(0) @binding(5) var<storage, read> order: array<u32>;
@group(0) @binding(6) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(7) var<storage, read_write> sorted_order: array<u32>;

var<workgroup> places: array<u32, BINS>;

@compute @workgroup_size(64)
fn radix_scatter(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let origin = rows[group.y];
  if (origin == 0xffffffffu) { return; }
  var top = 0.0;
  if (params.quantum > 0.0) { top = tops[origin].x; }
  let row = group.y * params.vocab;
  places[tid] = counts[(group.y * BINS + tid) * params.blocks + group.x];
  digits_clear(tid);
  let first = group.x * BLOCK + tid * ITEMS;
  let end = min(first + ITEMS, params.vocab);
  for (var v = first; v < end; v++) {
    let seen = digit_increment(tid, digit_of(keys[row + v], top));
  }
  workgroupBarrier();
  if (tid < WORDS) { // counts of earlier threads, both digits of the word at once
    var running = 0u;
    for (var t = 0u; t < WG; t++) {
      let count = digit_counts[tid * WG + t];
      digit_counts[tid * WG + t] = running;
      running += count;
    }
  }
  workgroupBarrier();
  for (var v = first; v < end; v++) {
    let key = keys[row + v];
    let digit = digit_of(key, top);
    let place = row + places[digit] + digit_increment(tid, digit);
    sorted[place] = key;
    if ((params.flags & 1u) != 0u) {
      var index = v;
      if ((params.flags & 2u) == 0u) { index = order[row + v]; }
      sorted_order[place] = index;
    }
  }
}

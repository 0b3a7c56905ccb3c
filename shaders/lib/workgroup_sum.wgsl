// lib/workgroup_sum.wgsl — the sum of one value per thread, known to every thread.
//
// Two barriers: 8 threads fold the WG values by stride 8, then everyone adds those 8. A tree would need
// log2(WG) barriers. The order of additions is fixed, so the result is the same in every run.
// Call it from uniform control flow, and once per kernel: a second call would race with the last reads
// of the first.
// Needs    override WG: u32, a multiple of 8.

var<workgroup> sum_parts: array<f32, WG>;

fn workgroup_sum(tid: u32, x: f32) -> f32 {
  sum_parts[tid] = x;
  workgroupBarrier();
  if (tid < 8u) { // thread t touches only cells ≡ t (mod 8): no race
    var s = 0.0;
    for (var i = tid; i < WG; i += 8u) { s += sum_parts[i]; }
    sum_parts[tid] = s;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < 8u; i++) { total += sum_parts[i]; }
  return total;
}

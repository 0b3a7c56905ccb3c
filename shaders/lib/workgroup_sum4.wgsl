// lib/workgroup_sum4.wgsl — the sums of four values per thread, known to every thread.
//
// As lib/workgroup_sum.wgsl, but for four values at once and to be called as often as needed: the barrier at its
// start keeps a call from racing with the last reads of the one before. Call it from uniform control flow.
// Needs    override WG: u32, a multiple of 8.

var<workgroup> sum4_parts: array<vec4f, WG>;

fn workgroup_sum4(tid: u32, x: vec4f) -> vec4f {
  workgroupBarrier();
  sum4_parts[tid] = x;
  workgroupBarrier();
  if (tid < 8u) { // thread t touches only cells ≡ t (mod 8): no race
    var s = vec4f();
    for (var i = tid; i < WG; i += 8u) { s += sum4_parts[i]; }
    sum4_parts[tid] = s;
  }
  workgroupBarrier();
  var total = vec4f();
  for (var i = 0u; i < 8u; i++) { total += sum4_parts[i]; }
  return total;
}

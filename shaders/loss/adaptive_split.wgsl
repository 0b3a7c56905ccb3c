// loss/adaptive_split.wgsl — how adaptive KL weighs forward against reverse KL, row by row.
//
//   t ascending, c its inclusive cumulative sum:  tail = {v : c_v < α},  head = the rest,  g_S = Σ_{v∈S} |t_v − p_v|
//   mix[r] = ( g_head, g_tail ) / (g_head + g_tail);   (½, ½) where p = t exactly (the published code has 0/0 there)
//
// No sort: the tail is all that lies below one threshold of t, and t grows with its logit. The threshold is found
// bit by bit in the order-preserving integer form of the logits: the largest key x with F(x) = Σ_{key < x} t < α.
// Of entries tied at the threshold the first few by index are tail, as a stable sort has it.
// Source   AKL (arXiv 2404.02657), as published in METHODS §2.
// Shapes   as in loss/divergence.wgsl · mix (R) as pairs
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary. 32 sums over V and 4 barriers each, against a full sort's 8 passes with
//          scattered writes and two more matrices.
// Numerics f32 sums in a fixed order: an entry whose c lies within about 1e-6 of α may fall on the other side.
// Oracle   test/oracle/divergence.ts. Tested by test/kernels/divergence.test.ts.
// Uses     lib/is_finite.wgsl, lib/workgroup_sum4.wgsl, lib/float_key.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
  student_stride: u32,
  teacher_stride: u32,
  student_inverse: f32, // 1 / T
  teacher_inverse: f32, // 1 / T′
  alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> student: array<f32>;
@group(0) @binding(3) var<storage, read> student_stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> teacher: array<f32>;
@group(0) @binding(5) var<storage, read> teacher_stats: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> mix: array<vec2f>;

var<workgroup> ties_end: u32;

@compute @workgroup_size(WG)
fn adaptive_split(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  if (weight[r] == 0.0) {
    if (tid == 0u) { mix[r] = vec2f(); }
    return;
  }
  let s = student_stats[r];
  let q = teacher_stats[r];
  let teacher_row = r * params.teacher_stride;

  var threshold = 0u;
  for (var bit = 31; bit >= 0; bit--) {
    let candidate = threshold | (1u << u32(bit));
    if (mass_below(tid, teacher_row, candidate, q) < params.alpha) { threshold = candidate; }
  }
  let below = mass_below(tid, teacher_row, threshold, q);
  if (tid == 0u) { ties_end = tied_tail_end(teacher_row, threshold, below, q); }
  workgroupBarrier();
  let end = ties_end;

  var gaps = vec2f(); // head, tail
  for (var v = tid; v < params.vocab; v += WG) {
    let logit = student[r * params.student_stride + v];
    if (!is_finite(logit)) { continue; }
    let p = exp((logit - s.x) * params.student_inverse - s.y);
    let key = float_key(teacher[teacher_row + v]);
    let gap = abs(teacher_probability(teacher_row + v, q) - p);
    if (key < threshold || (key == threshold && v < end)) { gaps.y += gap; } else { gaps.x += gap; }
  }
  let total = workgroup_sum4(tid, vec4f(gaps, 0.0, 0.0)).xy;
  let sum = total.x + total.y;
  if (tid == 0u) { mix[r] = select(vec2f(0.5), total / sum, sum > 0.0); }
}

fn teacher_probability(at: u32, q: vec2f) -> f32 {
  return exp((teacher[at] - q.x) * params.teacher_inverse - q.y);
}

/// Σ t over the entries whose key is below x.
fn mass_below(tid: u32, row: u32, x: u32, q: vec2f) -> f32 {
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) {
    if (float_key(teacher[row + v]) < x) { sum += teacher_probability(row + v, q); }
  }
  return workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
}

/// The index after the last entry at the threshold that still is tail; 0 when none is. Ties are rare: one thread looks.
fn tied_tail_end(row: u32, threshold: u32, below: f32, q: vec2f) -> u32 {
  var cumulative = below;
  var end = 0u;
  for (var v = 0u; v < params.vocab; v++) {
    if (float_key(teacher[row + v]) != threshold) { continue; }
    cumulative += teacher_probability(row + v, q);
    if (!(cumulative < params.alpha)) { break; }
    end = v + 1u;
  }
  return end;
}

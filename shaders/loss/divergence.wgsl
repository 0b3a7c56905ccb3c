// loss/divergence.wgsl — a divergence between the distributions of each row, with what its gradient needs.
//
//   loss[r]  = D(softmax(student[r] / T), softmax(teacher[r] / T′)),   inner[r] = ( c, Σ_{v≠top} p·(∂D/∂p − c), top )
//
// top is the student's likeliest token and c its ∂D/∂p: where it is all but certain, p·∂D/∂p − p·Σ p·∂D/∂p as it stands would lose
// every digit.
// Shapes   student (R, student_stride), teacher (R, teacher_stride): the first V columns of both
//          stats of both (R) from loss/softmax_stats.wgsl · weight (R): a row of weight 0 gives 0 and is not read
//          mix (R): weights of forward and reverse KL by row, read when `mix_by_row` · loss (R) · inner (R) as fours
// Grid     one workgroup per row: dispatch (R). No matrix of probabilities is ever stored.
// WG       64, or 256 for a large vocabulary: 3 barriers.
// Numerics f32. Entries with an infinite student logit are left out of every sum, as published.
// Oracle   test/oracle/divergence.ts. Tested by test/kernels/divergence.test.ts.
// Uses     lib/is_finite.wgsl, lib/workgroup_sum4.wgsl, loss/divergence_entry.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
  student_stride: u32,
  teacher_stride: u32,
  kind: u32,
  student_inverse: f32, // 1 / T
  teacher_inverse: f32, // 1 / T′
  skew: f32,            // λ
  forward: f32,
  reverse: f32,
  mix_by_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> student: array<f32>;
@group(0) @binding(3) var<storage, read> student_stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> teacher: array<f32>;
@group(0) @binding(5) var<storage, read> teacher_stats: array<vec2f>;
@group(0) @binding(6) var<storage, read> mix: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> loss: array<f32>;
@group(0) @binding(8) var<storage, read_write> inner: array<vec4f>;

const NO_TOP = 0xffffffffu;
var<workgroup> first_top: atomic<u32>;

@compute @workgroup_size(WG)
fn divergence(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  if (weight[r] == 0.0) {
    if (tid == 0u) {
      loss[r] = 0.0;
      inner[r] = vec4f();
    }
    return;
  }
  let s = student_stats[r];
  let q = teacher_stats[r];
  var weights = vec2f(params.forward, params.reverse);
  if (params.mix_by_row == 1u) { weights = mix[r]; }
  if (tid == 0u) { atomicStore(&first_top, NO_TOP); }
  workgroupBarrier();
  for (var v = tid; v < params.vocab; v += WG) {
    if (student[r * params.student_stride + v] == s.x) { atomicMin(&first_top, v); }
  }
  workgroupBarrier();
  let top = atomicLoad(&first_top);
  var c = 0.0;
  if (top != NO_TOP) {
    let lp = -s.y; // its logit is s.x
    let lt = (teacher[r * params.teacher_stride + top] - q.x) * params.teacher_inverse - q.y;
    c = divergence_entry(params.kind, lp, lt, weights, params.skew).y / exp(lp);
  }
  var sums = vec2f();
  for (var v = tid; v < params.vocab; v += WG) {
    let logit = student[r * params.student_stride + v];
    if (!is_finite(logit)) { continue; }
    let lp = (logit - s.x) * params.student_inverse - s.y;
    let lt = (teacher[r * params.teacher_stride + v] - q.x) * params.teacher_inverse - q.y;
    let entry = divergence_entry(params.kind, lp, lt, weights, params.skew);
    sums += vec2f(entry.x, select(entry.y - c * exp(lp), 0.0, v == top));
  }
  let total = workgroup_sum4(tid, vec4f(sums, 0.0, 0.0));
  if (tid == 0u) {
    loss[r] = total.x;
    inner[r] = vec4f(c, total.y, f32(top), 0.0);
  }
}

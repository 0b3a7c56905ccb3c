// loss/divergence_backward.wgsl — the gradient of a weighted sum of divergences to the student's logits.
//
//   dstudent[r,v] (+)= scale · weight[r] / T · ( p·(∂D/∂p − c) − p·Σ ),   (c, Σ, top) = inner[r];   0 for rows of weight 0 and columns ≥ V
//
// The teacher is a constant, and so are the weights of an adaptive mix.
// Shapes   as in loss/divergence.wgsl · dstudent (R, student_stride) · scale: one factor, an input of the step
// Grid     one thread per logit: dispatch foldGrid(R · student_stride, 64).
// WG = 64
// Oracle   test/oracle/divergence.ts, by finite differences. Tested by test/kernels/divergence.test.ts.
// Uses     lib/flat_index.wgsl, lib/is_finite.wgsl, loss/divergence_entry.wgsl

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
  rows: u32, // R
  accumulate: u32,
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> student: array<f32>;
@group(0) @binding(4) var<storage, read> student_stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> teacher: array<f32>;
@group(0) @binding(6) var<storage, read> teacher_stats: array<vec2f>;
@group(0) @binding(7) var<storage, read> mix: array<vec2f>;
@group(0) @binding(8) var<storage, read> inner: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> dstudent: array<f32>;

@compute @workgroup_size(WG)
fn divergence_backward(
  @builtin(global_invocation_id) thread: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.rows * params.student_stride) { return; }
  let r = i / params.student_stride;
  let v = i % params.student_stride;
  let w = weight[r];
  var g = 0.0;
  if (w != 0.0 && v < params.vocab && is_finite(student[i])) {
    let s = student_stats[r];
    let q = teacher_stats[r];
    var weights = vec2f(params.forward, params.reverse);
    if (params.mix_by_row == 1u) { weights = mix[r]; }
    let lp = (student[i] - s.x) * params.student_inverse - s.y;
    let lt = (teacher[r * params.teacher_stride + v] - q.x) * params.teacher_inverse - q.y;
    let saved = inner[r];
    var slope = -exp(lp) * saved.y;
    if (f32(v) != saved.z) {
      slope += divergence_entry(params.kind, lp, lt, weights, params.skew).y - exp(lp) * saved.x;
    }
    g = scale.factor * w * params.student_inverse * slope;
  }
  if (params.accumulate == 1u) { g += dstudent[i]; }
  dstudent[i] = g;
}

// loss/mined_target.wgsl — MinED's target logits: the teacher's row moved into the student's vocabulary.
//
//   source[r] a teacher row:  z[r,v] = q[source[r], inverse[v]] where some teacher token maps to v, else −1e5
//   source[r] none:           z[r,v] = 100 at v = label[r], else −1e5
//
// Source   min_edit_dis_kld (METHODS §4). The published code writes these values into the student's own logits when they
//          are f32; here they are a matrix of their own.
// Shapes   source, labels (R): 0xffffffff = none, a source of 0xfffffffe is in another range (nn/local_rows) · inverse (Vs): teacher token, 0xffffffff = none
//          teacher (Rt, Vt) · z (R, Vs)
// Grid     one thread per entry: dispatch foldGrid(R · Vs, 64).
// WG = 64
// Oracle   test/oracle/mined.ts. Tested by test/kernels/mined-target.test.ts.
// Uses     lib/flat_index.wgsl

struct Params {
  rows: u32,          // R
  student_vocab: u32, // Vs
  teacher_vocab: u32, // Vt
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> inverse: array<u32>;
@group(0) @binding(4) var<storage, read> teacher: array<f32>;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;

const NONE = 0xffffffffu;
const NEVER = -1e5;
const CERTAIN = 100.0;

@compute @workgroup_size(64)
fn mined_target(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, 64u);
  if (i >= params.rows * params.student_vocab) { return; }
  let r = i / params.student_vocab;
  let v = i % params.student_vocab;
  let row = source[r];
  if (row == 0xfffffffeu) { return; }
  var value = NEVER;
  if (row != NONE) {
    let token = inverse[v];
    if (token < params.teacher_vocab) { value = teacher[row * params.teacher_vocab + token]; }
  } else if (labels[r] == v) {
    value = CERTAIN;
  }
  z[i] = value;
}

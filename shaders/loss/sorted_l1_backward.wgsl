// loss/sorted_l1_backward.wgsl — the gradient of loss/sorted_l1.wgsl to the student's rows, through sort and softmax.
//
//   dlogits[row, order_i] += scale · weight[p] · ( sign(a_i − b_i)·a_i − a_i · Σ_j sign(a_j − b_j)·a_j ),  sign(0) = 0
//   of log-probabilities (`log_probs`): without the second part
//
// Shapes   pairs, weight, table (P) · keys of both sides (P, V) · order (P, Vs) · dlogits (R, Vs)
//          0xffffffff and 0xfffffffe (of another range, nn/local_rows) in a pair: skipped
//          A student row occurs in one pair at most: every element is written from one place.
// Grid     one thread per sorted entry: dispatch (⌈Vs/64⌉, P).
// WG = 64
// Numerics f32; adds to what dlogits holds.
// Oracle   test/oracle/sorted-l1.ts, by finite differences. Tested by test/kernels/sorted-l1.test.ts.
// Uses     lib/float_key.wgsl

struct Params {
  student_vocab: u32, // Vs
  teacher_vocab: u32, // Vt
  log_probs: u32,
}

struct Limit {
  ranks: u32,
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> limit: Limit;
@group(0) @binding(2) var<uniform> scale: Scale;
@group(0) @binding(3) var<storage, read> pairs: array<vec2u>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> student_keys: array<u32>;
@group(0) @binding(6) var<storage, read> teacher_keys: array<u32>;
@group(0) @binding(7) var<storage, read> order: array<u32>;
@group(0) @binding(8) var<storage, read> table: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(64)
fn sorted_l1_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let p = group.y;
  let i = group.x * 64u + tid;
  let row = pairs[p].x;
  if (row >= 0xfffffffeu || i >= min(limit.ranks, params.student_vocab)) { return; }
  let saved = table[p];
  let s = p * params.student_vocab;
  let t = p * params.teacher_vocab;
  var top = vec2f();
  if (params.log_probs == 0u) { top = vec2f(key_float(~student_keys[s]), key_float(~teacher_keys[t])); }
  let a = exp(key_float(~student_keys[s + i]) - top.x - saved.x);
  var b = 0.0;
  if (i < params.teacher_vocab) { b = exp(key_float(~teacher_keys[t + i]) - top.y - saved.y); }
  var g = sign(a - b) * a;
  if (params.log_probs == 0u) { g -= a * saved.z; }
  dlogits[row * params.student_vocab + order[s + i]] += scale.factor * weight[p] * g;
}

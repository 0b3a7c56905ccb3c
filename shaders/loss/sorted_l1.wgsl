// loss/sorted_l1.wgsl — the distance of two distributions whose entries are paired by rank, over two vocabularies.
//
//   loss[p] = Σ_{i < max(Vs,Vt)} | a_i − b_i |,   a = sortdesc(softmax(s)),  b = sortdesc(softmax(q)),
//   zero-padded to the longer, and no further than `ranks`; with `log_probs` the rows are log-probabilities already: a = sortdesc(exp(s))
//
// Source   ULD (arXiv 2402.12030, METHODS §3); GOLD's merged chunks (METHODS §9) are log-probabilities.
// Shapes   pairs (P): (student row, teacher row), 0xffffffff = no pair · stats of the rows from loss/softmax_stats.wgsl
//          (not read with `log_probs`) · keys of both sides (P, V) from the sort · loss (P)
//          table (P): what the backward pass needs: log Σ of both, Σ_i sign(a_i − b_i)·a_i, 0
// Grid     one workgroup per pair: dispatch (P).
// WG       64, or 256 for a large vocabulary: 3 barriers.
// Numerics f32. An entry whose probability underflows counts as 0.
// Oracle   test/oracle/sorted-l1.ts. Tested by test/kernels/sorted-l1.test.ts.
// Uses     lib/float_key.wgsl, lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  student_vocab: u32, // Vs
  teacher_vocab: u32, // Vt
  log_probs: u32,
}

struct Limit {
  ranks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> limit: Limit;
@group(0) @binding(2) var<storage, read> pairs: array<vec2u>;
@group(0) @binding(3) var<storage, read> student_stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> teacher_stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> student_keys: array<u32>;
@group(0) @binding(6) var<storage, read> teacher_keys: array<u32>;
@group(0) @binding(7) var<storage, read_write> loss: array<f32>;
@group(0) @binding(8) var<storage, read_write> table: array<vec4f>;

@compute @workgroup_size(WG)
fn sorted_l1(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let p = group.x;
  let pair = pairs[p];
  if (pair.x == 0xffffffffu) {
    if (tid == 0u) {
      loss[p] = 0.0;
      table[p] = vec4f();
    }
    return;
  }
  let s = p * params.student_vocab;
  let t = p * params.teacher_vocab;
  var top = vec2f();
  var rest = vec2f();
  if (params.log_probs == 0u) {
    // The first key may lie a step of the sort below the largest logit: what is missing goes to the rest.
    top = vec2f(key_float(~student_keys[s]), key_float(~teacher_keys[t]));
    let of_s = student_stats[pair.x];
    let of_t = teacher_stats[pair.y];
    rest = vec2f(of_s.y, of_t.y) + (vec2f(of_s.x, of_t.x) - top);
  }
  var sums = vec2f(); // |a − b|, sign(a − b)·a
  for (var i = tid; i < min(limit.ranks, max(params.student_vocab, params.teacher_vocab)); i += WG) {
    var a = 0.0;
    var b = 0.0;
    if (i < params.student_vocab) { a = exp(key_float(~student_keys[s + i]) - top.x - rest.x); }
    if (i < params.teacher_vocab) { b = exp(key_float(~teacher_keys[t + i]) - top.y - rest.y); }
    sums += vec2f(abs(a - b), sign(a - b) * a);
  }
  let total = workgroup_sum4(tid, vec4f(sums, 0.0, 0.0));
  if (tid == 0u) {
    loss[p] = total.x;
    table[p] = vec4f(rest, total.y, 0.0);
  }
}

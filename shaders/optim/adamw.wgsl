// optim/adamw.wgsl — one AdamW step over a range of the flat parameter arena.
//
//   g ← clip·g;  m ← m + (1−β1)(g − m);  v ← β2·v + (1−β2)·g²
//   p ← p·(1 − rate·decay) − rate/bias1 · m / (√v / √bias2 + ε)
//
// Source   Loshchilov & Hutter 2019, in the arithmetic of torch.optim.AdamW.
// Shapes   params, g, m, v (count): one segment; `base` is its first element in the whole arena, which holds four
//          runs: student with decay, student without, projector with, projector without; `ends` bounds them.
// Grid     one thread per element: dispatch foldGrid(count, 64).
// WG = 64
// Numerics f32. With verdict.ok = 0 nothing is written: the run keeps its last good step.
// Oracle   test/oracle/nn-optim.ts. Tested by test/kernels/optim.test.ts.
// Uses     lib/flat_index.wgsl, optim/hyper.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  base: u32,
  student_decay_end: u32,
  student_end: u32,
  projector_decay_end: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> hyper: Hyper;
@group(0) @binding(2) var<storage, read> verdict: array<f32>; // norm, clip, ok: from optim/clip_scale
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> p: array<f32>;
@group(0) @binding(5) var<storage, read_write> m: array<f32>;
@group(0) @binding(6) var<storage, read_write> v: array<f32>;

@compute @workgroup_size(WG)
fn adamw(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count || verdict[2] == 0.0) { return; }
  let at = params.base + i;
  let rate = select(hyper.projector_rate, hyper.rate, at < params.student_end);
  let decays = at < params.student_decay_end || (at >= params.student_end && at < params.projector_decay_end);
  let grad = g[i] * verdict[1];
  let first = m[i] + (1.0 - hyper.beta1) * (grad - m[i]);
  let second = hyper.beta2 * v[i] + (1.0 - hyper.beta2) * grad * grad;
  let kept = p[i] * (1.0 - rate * select(0.0, hyper.decay, decays));
  p[i] = kept - rate / hyper.bias1 * first / (sqrt(second) / hyper.root_bias2 + hyper.eps);
  m[i] = first;
  v[i] = second;
}

// loss/label_log_prob_backward.wgsl — the adjoint of loss/label_log_prob.wgsl.
//
//   dx[r,v] (+)= dy[r] · ([v = label[r]] − softmax(x[r])_v),   0 where ignored;   `raw`: dy[r] · [v = label[r]]
//
// Shapes   x, dx (R, V) · labels, dy (R) · stats (R)
// Grid     one thread per entry: dispatch foldGrid(R · V, 64).
// WG = 64
// Oracle   finite differences. Tested by test/kernels/chunk-ops.test.ts.
// Numerics f32; 1 − p of a label that is all but certain keeps its digits.
// Uses     lib/flat_index.wgsl, lib/exp_less_one.wgsl

struct Params {
  rows: u32,  // R
  vocab: u32, // V
  accumulate: u32,
  raw: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn label_log_prob_backward(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, 64u);
  if (i >= params.rows * params.vocab) { return; }
  let r = i / params.vocab;
  let label = labels[r];
  var g = 0.0;
  if (label < params.vocab) {
    let own = i % params.vocab == label;
    var slope = select(0.0, 1.0, own);
    if (params.raw == 0u) {
      let log_p = (x[i] - stats[r].x) - stats[r].y;
      slope = -exp(log_p);
      if (own) { slope = -exp_less_one(log_p); }
    }
    g = dy[r] * slope;
  }
  if (params.accumulate == 1u) { g += dx[i]; }
  dx[i] = g;
}

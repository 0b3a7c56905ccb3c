// loss/label_log_prob.wgsl — the log-probability that each row gives its label.
//
//   out[r] = (x[r, label] − top) − rest,   0 where ignored;   `raw`: x[r, label] itself, and stats are not read
//
// Shapes   x (R, V) · labels (R): 0xffffffff = ignored · stats (R) from loss/softmax_stats.wgsl · out (R)
// Grid     one thread per row: dispatch (⌈R/64⌉).
// WG = 64
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  rows: u32,  // R
  vocab: u32, // V
  raw: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn label_log_prob(@builtin(global_invocation_id) thread: vec3u) {
  let r = thread.x;
  if (r >= params.rows) { return; }
  let label = labels[r];
  var value = 0.0;
  if (label < params.vocab) {
    value = x[r * params.vocab + label];
    if (params.raw == 0u) { value = (value - stats[r].x) - stats[r].y; }
  }
  out[r] = value;
}

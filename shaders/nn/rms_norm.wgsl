// nn/rms_norm.wgsl — root-mean-square normalization of each row.
//
//   y[n,:] = (w + o) ⊙ x[n,:] · inv[n],   inv[n] = 1 / √( mean_d x[n,d]² + ε )
//
// Source   Zhang & Sennrich 2019, as in Hugging Face's LlamaRMSNorm (o = 0) and Gemma3RMSNorm (o = 1).
// Shapes   x, y (N, D) · w (D) · inv (N), kept for the backward pass. A row is a token, or a head of one (QK norm).
// Grid     one workgroup per row: dispatch foldRows(N).
// WG       a thread for 8 values, 8 to 64 of them (rowWorkgroup); 2 barriers.
// Numerics f32. Squares overflow for |x| > 1.8e19, as they do in PyTorch's f32.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rms-norm.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  rows: u32,   // N
  width: u32,  // D
  eps: f32,
  offset: f32, // o
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> inv: array<f32>;

@compute @workgroup_size(WG)
fn rms_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  let n = group.y * groups.x + group.x;
  if (n >= params.rows) { return; }
  let row = n * params.width;
  var squares = 0.0;
  for (var d = tid; d < params.width; d += WG) { squares += x[row + d] * x[row + d]; }
  let mean = workgroup_sum(tid, squares) / f32(params.width);
  let scale = 1.0 / sqrt(mean + params.eps);
  for (var d = tid; d < params.width; d += WG) { y[row + d] = (w[d] + params.offset) * (x[row + d] * scale); }
  if (tid == 0u) { inv[n] = scale; }
}

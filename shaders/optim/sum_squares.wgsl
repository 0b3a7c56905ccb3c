// optim/sum_squares.wgsl — partial sums of squares over one range of the gradient arena.
//
//   parts[first + p] = Σ_{i ≡ p} g[i]²
//
// Source   the first half of torch.nn.utils.clip_grad_norm_ (2-norm over all parameters).
// Shapes   g (count) · parts: one cell per workgroup, shared by all ranges
// Grid     P workgroups, P ≤ 64: dispatch (P). Each strides over the range.
// WG = 64  2 barriers.
// Numerics f32; a lane adds count/(64·P) squares. Squares overflow above 1.8e19: the norm is then not finite,
//          and the step is skipped, see optim/clip_scale.
// Oracle   test/oracle/nn-optim.ts. Tested by test/kernels/optim.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32,
  first: u32, // index of this range's first cell in parts
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(WG)
fn sum_squares(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) tid: u32,
) {
  var sum = 0.0;
  for (var i = group.x * WG + tid; i < params.count; i += groups.x * WG) { sum += g[i] * g[i]; }
  let total = workgroup_sum(tid, sum);
  if (tid == 0u) { parts[params.first + group.x] = total; }
}

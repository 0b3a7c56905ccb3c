// nn/block_softmax_backward.wgsl — the adjoint of block_softmax.
//
//   dx[r,c] (+)= s · y[r,c] · (dy[r,c] − Σ_{c'} y[r,c'] dy[r,c'])     0 outside the row's range, where y is 0
//
// Shapes   y, dy, dx (R, C) · scale: as in the forward pass
// Grid     one workgroup per row: dispatch (R).
// WG = 64  one sum over the workgroup.
// Oracle   finite differences in the test. Tested by test/kernels/block-softmax.test.ts.
// Uses     lib/workgroup_sum.wgsl

override WG: u32 = 64u;

struct Params {
  cols: u32,
  accumulate: u32,
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn block_softmax_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.cols;
  var part = 0.0;
  for (var c = tid; c < params.cols; c += WG) { part += y[row + c] * dy[row + c]; }
  let pull = workgroup_sum(tid, part);
  for (var c = tid; c < params.cols; c += WG) {
    var g = scale.factor * y[row + c] * (dy[row + c] - pull);
    if (params.accumulate == 1u) { g += dx[row + c]; }
    dx[row + c] = g;
  }
}

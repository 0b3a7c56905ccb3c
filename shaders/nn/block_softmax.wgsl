// nn/block_softmax.wgsl — soft-max of each row over its own range of columns: attention within the samples of a batch.
//
//   y[r,c] = exp(s·x[r,c]) / Σ_{c' in range r} exp(s·x[r,c'])   for c in [from_r, to_r), else 0
//
// Source   METHODS §6: the mask −1e5 leaves exactly this in f32. An empty range gives a row of zeros.
// Shapes   x, y (R, C) · ranges (R, 2): from, to · scale: one factor, an input so that it may change each step
// Grid     one workgroup per row: dispatch (R).
// WG = 64  each lane keeps a running (max, sum) over C/64 columns; every lane combines them: 1 barrier.
// Numerics f32, max-shifted.
// Oracle   loops in the test. Tested by test/kernels/block-softmax.test.ts.

override WG: u32 = 64u;

struct Params {
  cols: u32, // C
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> ranges: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> tops: array<f32, WG>;
var<workgroup> sums: array<f32, WG>;

@compute @workgroup_size(WG)
fn block_softmax(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let row = r * params.cols;
  let first = ranges[2u * r];
  let end = min(ranges[2u * r + 1u], params.cols);
  var top = -3e38;
  for (var c = first + tid; c < end; c += WG) { top = max(top, scale.factor * x[row + c]); }
  var sum = 0.0;
  for (var c = first + tid; c < end; c += WG) { sum += exp(scale.factor * x[row + c] - top); }
  tops[tid] = top;
  sums[tid] = sum;
  workgroupBarrier();
  var highest = -3e38;
  for (var i = 0u; i < WG; i++) { highest = max(highest, tops[i]); }
  var total = 0.0;
  for (var i = 0u; i < WG; i++) { total += sums[i] * exp(tops[i] - highest); }
  for (var c = tid; c < params.cols; c += WG) {
    let inside = c >= first && c < end;
    let p = exp(scale.factor * x[row + c] - highest) / total;
    y[row + c] = select(0.0, p, inside);
  }
}

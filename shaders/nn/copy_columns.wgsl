// nn/copy_columns.wgsl — a block of columns from one matrix into another: padding a width, or joining two side by side.
//
//   out[r, to + c] (+)= x[r, from + c]   for c < width
//   With `clear`, columns of out outside the block become 0.
//
// Shapes   x (R, X) · out (R, Y)
// Grid     one thread per element of out: dispatch foldGrid(R·Y, 64).
// WG = 64
// Oracle   obvious loops in the test. Tested by test/kernels/nn-columns.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  count: u32, // R·Y
  x_cols: u32,
  out_cols: u32,
  from_col: u32,
  to_col: u32,
  width: u32,
  clear: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn copy_columns(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(thread, groups, WG);
  if (i >= params.count) { return; }
  let r = i / params.out_cols;
  let c = i % params.out_cols;
  if (c < params.to_col || c >= params.to_col + params.width) {
    if (params.clear == 1u) { out[i] = 0.0; }
    return;
  }
  var value = x[r * params.x_cols + params.from_col + c - params.to_col];
  if (params.accumulate == 1u) { value += out[i]; }
  out[i] = value;
}

// loss/row_columns.wgsl — entries of each row by a list of columns of its own; and the adjoint.
//
//   out[r,k] = x[r, cols[r·stride + k]]
//   row_columns_backward:  out[r, cols[r·stride + k]] += x[r,k]      (out is dx [R, V], x is dy [R, K])
//
// Shapes   x (R, V) · cols (R, stride), of which the first K of a row count, none twice · out (R, K)
// Grid     dispatch (⌈K/64⌉, R).
// WG = 64
// Numerics the adjoint adds to what out holds; every element is written from one place.
// Oracle   finite differences in the test. Tested by test/kernels/group-ops.test.ts.

struct Params {
  vocab: u32, // V
  columns: u32, // K
  stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> cols: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn row_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let k = group.x * 64u + tid;
  if (k >= params.columns) { return; }
  out[group.y * params.columns + k] = x[group.y * params.vocab + cols[group.y * params.stride + k]];
}

@compute @workgroup_size(64)
fn row_columns_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let k = group.x * 64u + tid;
  if (k >= params.columns) { return; }
  out[group.y * params.vocab + cols[group.y * params.stride + k]] += x[group.y * params.columns + k];
}

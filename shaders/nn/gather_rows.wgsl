// nn/gather_rows.wgsl — rows picked by index: the embedding, and the response rows of a batch.
//
//   out[r,:] = x[rows[r] − first,:]   where rows[r] is in first … first+count−1
//            = 0                      where it is not, and first = 0: padding (0xffffffff)
//
// Shapes   x (count, D): all rows of a matrix, or a range of them · rows (R) · out (R, D)
//          A matrix in ranges takes one dispatch for each, the one with first = 0 before the others.
// Grid     one workgroup per row: dispatch (R).
// WG = 64  lanes stride over D.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rows.test.ts.

override WG: u32 = 64u;

struct Params {
  width: u32, // D
  first: u32, // index of x's first row
  count: u32, // rows of x
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn gather_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let row = rows[r] - params.first; // wraps round for earlier rows, and stays large for padding
  let inside = row < params.count;
  if (!inside && params.first > 0u) { return; }
  for (var d = tid; d < params.width; d += WG) {
    out[r * params.width + d] = select(0.0, x[select(0u, row, inside) * params.width + d], inside);
  }
}

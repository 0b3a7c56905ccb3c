// nn/scatter_rows.wgsl — the adjoint of gather_rows when no row is gathered twice.
//
//   dx[rows[r],:] += dy[r,:]
//
// Shapes   rows (R): 0xffffffff is padding, every other index occurs at most once · dy (R, D) · dx (N, D)
// Grid     one workgroup per row: dispatch (R). Distinct rows write distinct cells, so no atomics.
// WG = 64  lanes stride over D.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rows.test.ts.

override WG: u32 = 64u;

struct Params {
  width: u32, // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn scatter_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let to = rows[r];
  if (to == 0xffffffffu) { return; }
  for (var d = tid; d < params.width; d += WG) {
    dx[to * params.width + d] += dy[r * params.width + d];
  }
}

// nn/gather_rows.wgsl — rows picked by index: the embedding, and the response rows of a batch.
//
//   out[r,:] = rows[r] = 0xffffffff ? 0 : x[rows[r],:]
//
// Shapes   x (N, D) · rows (R) · out (R, D)
// Grid     one workgroup per row: dispatch (R).
// WG = 64  lanes stride over D.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rows.test.ts.

override WG: u32 = 64u;

struct Params {
  width: u32, // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn gather_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let r = group.x;
  let source = rows[r];
  let padding = source == 0xffffffffu;
  for (var d = tid; d < params.width; d += WG) {
    out[r * params.width + d] = select(x[source * params.width + d], 0.0, padding);
  }
}

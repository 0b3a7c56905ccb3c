// ot/row_norms.wgsl — the Euclidean norm of every feature row, at least 1e-8.
//
// Source   the clamp is that of torch's cosine_similarity, which the authors' cosine cost uses.
// Shapes   features (rows, D), D a multiple of 4 · norms (rows)
// Grid     one thread per row. WG = 64. Oracle: test/oracle/ot.ts. Tested by test/kernels/ot-solve.test.ts.

struct Params {
  rows: u32,
  width: u32, // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> features: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;

@compute @workgroup_size(64)
fn row_norms(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.rows) { return; }
  let width = params.width / 4u;
  var s = 0.0;
  for (var k = 0u; k < width; k++) {
    let value = features[id.x * width + k];
    s += dot(value, value);
  }
  norms[id.x] = max(sqrt(s), 1e-8);
}

// loss/row_sums.wgsl — the sum of each row.
//
//   out[g] (+)= Σ_j x[g,j],   0 where there is no row
//
// Shapes   rows (G): 0xffffffff = none · x (G, C) · out (G)
// Grid     one workgroup per row: dispatch (G).
// WG = 64  3 barriers; the order of additions is fixed.
// Oracle   finite differences of what uses it. Tested by test/kernels/chunk-ops.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  columns: u32, // C
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn row_sums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  var sum = 0.0;
  let end = select(params.columns, 0u, rows[group.x] == 0xffffffffu);
  for (var j = tid; j < end; j += WG) { sum += x[group.x * params.columns + j]; }
  let total = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  if (tid != 0u) { return; }
  if (params.accumulate == 1u) { out[group.x] += total; } else { out[group.x] = total; }
}

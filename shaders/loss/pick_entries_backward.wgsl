// loss/pick_entries_backward.wgsl — the adjoint of loss/pick_entries.wgsl to the matrix.
//
//   dx[rows[g], cols[j]] += dy[g,j]
//
// Shapes   as in loss/pick_entries.wgsl. A row and a column occur once at most: every element is written from one place.
// Grid     dispatch (⌈C/64⌉, G).
// WG = 64
// Numerics adds to what dx holds.
// Oracle   finite differences. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  vocab: u32,   // V
  columns: u32, // C
  flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> cols: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn pick_entries_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let j = group.x * 64u + tid;
  let row = rows[group.y];
  if (j >= params.columns || row >= 0xfffffffeu) { return; }
  var v = j;
  if ((params.flags & 1u) != 0u) { v = cols[j]; }
  if (v >= params.vocab) { return; }
  dx[row * params.vocab + v] += dy[group.y * params.columns + j];
}

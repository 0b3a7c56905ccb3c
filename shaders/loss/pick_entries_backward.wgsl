// loss/pick_entries_backward.wgsl — the adjoint of loss/pick_entries.wgsl to the matrix, and to the rows' own column.
//
//   dx[rows[g], cols[j]] += dy[g,j]
//   pick_own_backward:  dx[g] (+)= dy[g,C−1] where there is a row
//
// Shapes   as in loss/pick_entries.wgsl. A row occurs once at most, and so does a column among the first `unique`: there every
//          element is written from one place. What follows may repeat columns: one thread adds it in order.
// Grid     dispatch (⌈C/64⌉, G); pick_entries_tail, pick_own_backward: (⌈G/64⌉).
// WG = 64
// Numerics adds to what dx holds.
// Oracle   finite differences. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  vocab: u32,   // V
  columns: u32, // C
  flags: u32,
  unique: u32,
  rows: u32, // G
  accumulate: u32, // pick_own_backward
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> cols: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn add_entry(g: u32, row: u32, j: u32) {
  var v = j;
  if ((params.flags & 1u) != 0u) { v = cols[j]; }
  if (v >= params.vocab) { return; }
  dx[row * params.vocab + v] += dy[g * params.columns + j];
}

@compute @workgroup_size(64)
fn pick_entries_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let j = group.x * 64u + tid;
  let row = rows[group.y];
  if (j >= params.unique || row >= 0xfffffffeu) { return; }
  add_entry(group.y, row, j);
}

@compute @workgroup_size(64)
fn pick_entries_tail(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.rows || rows[g] >= 0xfffffffeu) { return; }
  let end = params.columns - select(0u, 1u, (params.flags & 4u) != 0u);
  for (var j = params.unique; j < end; j++) { add_entry(g, rows[g], j); }
}

@compute @workgroup_size(64)
fn pick_own_backward(@builtin(global_invocation_id) thread: vec3u) {
  let g = thread.x;
  if (g >= params.rows) { return; }
  var sum = 0.0;
  if (params.accumulate == 1u) { sum = dx[g]; }
  if (rows[g] < 0xfffffffeu) { sum += dy[g * params.columns + params.columns - 1u]; }
  dx[g] = sum;
}

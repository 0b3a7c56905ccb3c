// loss/pick_entries.wgsl — rows and columns of a matrix by index, each row shifted by a number of its own.
//
//   out[g,j] = x[rows[g], cols[j]] + shift[g],   0 where there is no row, −1e30 where there is no column
//   with flag 4 the last column is the row's own: out[g,C−1] = own[g]
//
// Shapes   x (R, V) · rows (G): 0xffffffff = none, 0xfffffffe = of another range (nn/local_rows), left as it is · cols (C): read with flag 1, likewise; else C = V and column j is j
//          shift (G): read with flag 2 · own (G): read with flag 4 · out (G, C)
// Grid     dispatch (⌈C/64⌉, G).
// WG = 64
// Oracle   test/oracle/chunks.ts. Tested by test/kernels/chunk-ops.test.ts.

struct Params {
  vocab: u32,   // V
  columns: u32, // C
  flags: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> cols: array<u32>;
@group(0) @binding(3) var<storage, read> shift: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read> own: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn pick_entries(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let j = group.x * 64u + tid;
  if (j >= params.columns) { return; }
  let row = rows[group.y];
  if (row == 0xfffffffeu) { return; }
  var value = 0.0;
  if (row != 0xffffffffu) {
    let of_row = (params.flags & 4u) != 0u && j + 1u == params.columns;
    var v = j;
    if ((params.flags & 1u) != 0u && !of_row) { v = cols[j]; }
    value = -1e30;
    if (of_row) {
      value = own[group.y];
    } else if (v < params.vocab) {
      value = x[row * params.vocab + v];
      if ((params.flags & 2u) != 0u) { value += shift[group.y]; }
    }
  }
  out[group.y * params.columns + j] = value;
}

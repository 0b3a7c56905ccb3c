// nn/local_rows.wgsl — indices of rows as a range of the matrix counts them.
//
//   out[i] = rows[i] − first   where rows[i] is in first … first+count−1
//            0xffffffff        where it is 0xffffffff: no row
//            0xfffffffe        where it is a row of another range
//
// Shapes   rows, out (N)
// Grid     one thread per index: dispatch (⌈N/64⌉).
// WG = 64
// Oracle   obvious loops in the test. Tested by test/kernels/row-ranges.test.ts.

override WG: u32 = 64u;

struct Params {
  length: u32, // N
  first: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn local_rows(@builtin(global_invocation_id) thread: vec3u) {
  let i = thread.x;
  if (i >= params.length) { return; }
  let row = rows[i];
  let inside = row - params.first < params.count; // wraps round for earlier rows
  let outside = select(0xfffffffeu, 0xffffffffu, row == 0xffffffffu);
  out[i] = select(outside, row - params.first, inside);
}

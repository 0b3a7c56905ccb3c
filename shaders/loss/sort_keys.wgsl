// loss/sort_keys.wgsl — rows of logits as integers whose ascending order is the logits' descending order.
//
//   keys[p,v] = ~float_key(x[rows[p], v])
//
// Shapes   x (R, V) · rows (P): 0xffffffff = nothing to sort, 0xfffffffe = of another range (nn/local_rows): the keys
//          are not written · keys (P, V)
// Grid     dispatch (⌈V/64⌉, P).
// WG = 64
// Numerics integers: nothing is rounded. Infinities sort to the ends.
// Oracle   test/oracle/sorted-l1.ts. Tested by test/kernels/sort-rows.test.ts.
// Uses     lib/float_key.wgsl

struct Params {
  vocab: u32, // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;

@compute @workgroup_size(64)
fn sort_keys(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let v = group.x * 64u + tid;
  let row = rows[group.y];
  if (row >= 0xfffffffeu || v >= params.vocab) { return; }
  keys[group.y * params.vocab + v] = ~float_key(x[row * params.vocab + v]);
}

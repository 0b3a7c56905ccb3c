// nn/cache_write.wgsl — new keys or values go into their place in the cache.
//
//   cache[b, start[b]+t, :] = x[b,t,:]
//
// Shapes   x (B, T, D) · cache (B, S, D) · start (B). Positions past the cache are dropped.
// Grid     one workgroup per token: dispatch (B·T).
// WG = 64  lanes stride over D.
// Tested by test/kernels/nn-rope.test.ts and, through generation, by test/unit/student-generate.test.ts.

override WG: u32 = 64u;

struct Params {
  length: u32,   // T
  capacity: u32, // S
  width: u32,    // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;

@compute @workgroup_size(WG)
fn cache_write(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x;
  let b = row / params.length;
  let position = start[b] + row % params.length;
  if (position >= params.capacity) { return; }
  for (var d = tid; d < params.width; d += WG) {
    cache[(b * params.capacity + position) * params.width + d] = x[row * params.width + d];
  }
}

// nn/rope.wgsl — rotary positions on the first r values of each head, the two halves of those r forming the pairs.
//
//   y[i]        = x[i]·cos − σ·x[i+r/2]·sin        i < r/2, angle = position · frequency[i]
//   y[i+r/2]    = x[i+r/2]·cos + σ·x[i]·sin
//   y[i]        = x[i]                              r ≤ i < h
//
// Source   Su 2021; the half-rotation form of Hugging Face's Llama; r < h is GPT-NeoX's partial rotation.
// Shapes   x, y (B·T, H, h) · table (positions, r/2): (cos, sin) · start (B): position of each row's first token
// Grid     one thread per two values: dispatch foldGrid(B·T·H·h/2, 64).
// WG = 64
// Numerics f32. σ = +1 forward, −1 backward: the adjoint of a rotation is the rotation back. Angles come from a
//          table made on the CPU, since WGSL promises the accuracy of sin only on [−π, π].
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-rope.test.ts.
// Uses     lib/flat_index.wgsl

override WG: u32 = 64u;

struct Params {
  pairs: u32,      // B·T·H·h/2
  length: u32,     // T
  heads: u32,      // H
  head: u32,       // h, even
  half: u32,       // r/2
  sign: f32,       // σ
  accumulate: u32, // 1: add to what y holds
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<vec2f>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn rope(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let pair = flat_index(thread, groups, WG);
  if (pair >= params.pairs) { return; }
  let i = pair % (params.head / 2u);
  let head = pair / (params.head / 2u); // over B·T·H
  var low = head * params.head + 2u * i; // beyond the rotated part a pair is two neighbours, left as they are
  var high = low + 1u;
  var turn = vec2f(1.0, 0.0);
  if (i < params.half) {
    let row = head / params.heads; // over B·T
    let position = start[row / params.length] + row % params.length;
    turn = table[position * params.half + i];
    low = head * params.head + i;
    high = low + params.half;
  }
  let s = params.sign * turn.y;
  var out = vec2f(x[low] * turn.x - x[high] * s, x[high] * turn.x + x[low] * s);
  if (params.accumulate == 1u) { out += vec2f(y[low], y[high]); }
  y[low] = out.x;
  y[high] = out.y;
}

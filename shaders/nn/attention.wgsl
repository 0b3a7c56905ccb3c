// nn/attention.wgsl — causal attention with grouped queries, without ever holding the T×S scores.
//
//   out[b,t,h,:] = Σ_s softmax_s( q[b,t,h,:]·k[b,s,g,:] · scale ) · v[b,s,g,:]     0 ≤ start[b] + t − s < W,  g = h·G/H
//
// Source   Vaswani 2017; the running softmax of Milakov & Gimelshein 2018 (as in FlashAttention).
// Shapes   q, out (B, T, H, h) · k, v (B, S, G, h) · lse (B, T, H) · start (B): position of query 0.
//          W is the sliding window: Gemma's local layers, else everything.
//          Training has S = T and start = 0; with a cache S is its capacity and start the tokens before.
// Grid     one thread per query: dispatch (⌈T/32⌉, H, B). No barrier.
// WG = 32  neighbours read the same key in step, so one load serves the workgroup; 32 wastes less of the
//          causal triangle than 64.
// Numerics f32. Max-shifted. lse = log Σ exp(score) is kept, and the backward pass recomputes the weights from it.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-attention.test.ts.
// Prelude  const HEAD: u32 — vec4s in a head (h/4), so that a query stays in registers.

override WG: u32 = 32u;

struct Params {
  queries: u32,  // T
  keys: u32,     // S
  heads: u32,    // H
  kv_heads: u32, // G
  scale: f32,
  window: u32,   // W
  head: u32,     // read by the tiled form alone
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<u32>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(WG)
fn attention(@builtin(global_invocation_id) thread: vec3u) {
  let t = thread.x;
  let h = thread.y;
  let b = thread.z;
  if (t >= params.queries) { return; }
  let row = (b * params.queries + t) * params.heads + h;
  let g = h * params.kv_heads / params.heads;
  var query: array<vec4f, HEAD>;
  var sum: array<vec4f, HEAD>;
  for (var i = 0u; i < HEAD; i++) { query[i] = q[row * HEAD + i] * params.scale; }

  let seen = min(start[b] + t + 1u, params.keys);
  var top = -3e38;
  var total = 0.0;
  for (var s = seen - min(seen, params.window); s < seen; s++) {
    let at = ((b * params.keys + s) * params.kv_heads + g) * HEAD;
    var score = 0.0;
    for (var i = 0u; i < HEAD; i++) { score += dot(query[i], k[at + i]); }
    let higher = max(top, score);
    let keep = exp(top - higher);
    let weight = exp(score - higher);
    top = higher;
    total = total * keep + weight;
    for (var i = 0u; i < HEAD; i++) { sum[i] = sum[i] * keep + weight * v[at + i]; }
  }
  for (var i = 0u; i < HEAD; i++) { out[row * HEAD + i] = sum[i] / total; }
  lse[row] = top + log(total);
}

// nn/attention_backward_query.wgsl — the gradient of causal attention with respect to the queries.
//
//   p[t,s]  = exp( scale·q[t]·k[s] − lse[t] )          delta[t] = dout[t]·out[t]
//   dq[t]   (+)= scale · Σ_{0≤t−s<W} p[t,s] · ( dout[t]·v[s] − delta[t] ) · k[s]
//
// Source   FlashAttention (Dao 2022), Eq. for the backward pass; weights recomputed from lse.
// Shapes   q, out, dout, dq (B, T, H, h) · k, v (B, T, G, h) · lse, delta (B, T, H); g = h·G/H
// Grid     one thread per query: dispatch (⌈T/32⌉, H, B). No barrier. Writes delta for the key-value pass.
// WG = 32  as in nn/attention.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-attention.test.ts.
// Prelude  const HEAD: u32 — vec4s in a head (h/4).

override WG: u32 = 32u;

struct Params {
  queries: u32,  // T
  heads: u32,    // H
  kv_heads: u32, // G
  scale: f32,
  window: u32,   // W
  accumulate: u32,
  head: u32,     // read by the tiled form alone
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> out: array<vec4f>;
@group(0) @binding(5) var<storage, read> dout: array<vec4f>;
@group(0) @binding(6) var<storage, read> lse: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> delta: array<f32>;

@compute @workgroup_size(WG)
fn attention_backward_query(@builtin(global_invocation_id) thread: vec3u) {
  let t = thread.x;
  let h = thread.y;
  let b = thread.z;
  if (t >= params.queries) { return; }
  let row = (b * params.queries + t) * params.heads + h;
  let g = h * params.kv_heads / params.heads;
  var query: array<vec4f, HEAD>;
  var upstream: array<vec4f, HEAD>;
  var sum: array<vec4f, HEAD>;
  var d = 0.0;
  for (var i = 0u; i < HEAD; i++) {
    query[i] = q[row * HEAD + i] * params.scale;
    upstream[i] = dout[row * HEAD + i];
    d += dot(upstream[i], out[row * HEAD + i]);
  }
  delta[row] = d;
  let log_total = lse[row];

  for (var s = t + 1u - min(t + 1u, params.window); s <= t; s++) {
    let at = ((b * params.queries + s) * params.kv_heads + g) * HEAD;
    var score = 0.0;
    var pull = 0.0;
    for (var i = 0u; i < HEAD; i++) {
      score += dot(query[i], k[at + i]);
      pull += dot(upstream[i], v[at + i]);
    }
    let ds = exp(score - log_total) * (pull - d);
    for (var i = 0u; i < HEAD; i++) { sum[i] += ds * k[at + i]; }
  }
  for (var i = 0u; i < HEAD; i++) {
    var value = sum[i] * params.scale;
    if (params.accumulate == 1u) { value += dq[row * HEAD + i]; }
    dq[row * HEAD + i] = value;
  }
}

// nn/attention_backward_key_value.wgsl — the gradients of causal attention with respect to keys and values.
//
//   dv[s] (+)= Σ_{h∈g} Σ_{0≤t−s<W} p[t,s] · dout[t]
//   dk[s] (+)= scale · Σ_{h∈g} Σ_{0≤t−s<W} p[t,s] · ( dout[t]·v[s] − delta[t] ) · q[t]
//
// Source   FlashAttention (Dao 2022); p as in nn/attention_backward_query, which also writes delta.
// Shapes   q, dout (B, T, H, h) · k, v, dk, dv (B, T, G, h) · lse, delta (B, T, H)
// Grid     one thread per key: dispatch (⌈T/32⌉, G, B). The thread sums over the H/G query heads that share the
//          key, so grouped queries need no second pass and no atomics.
// WG = 32  neighbours read the same query in step.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-attention.test.ts.
// Prelude  const HEAD: u32 — vec4s in a head (h/4).

override WG: u32 = 32u;

struct Params {
  queries: u32,  // T
  heads: u32,    // H
  kv_heads: u32, // G
  scale: f32,
  window: u32,   // W
  accumulate_key: u32,
  accumulate_value: u32,
  head: u32,     // read by the tiled form alone
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> dout: array<vec4f>;
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;

@compute @workgroup_size(WG)
fn attention_backward_key_value(
  @builtin(global_invocation_id) thread: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let s = thread.x;
  let g = thread.y;
  let b = thread.z;
  if (s >= params.queries) { return; }
  let at = ((b * params.queries + s) * params.kv_heads + g) * HEAD;
  let shared_by = params.heads / params.kv_heads;
  var key: array<vec4f, HEAD>;
  var value: array<vec4f, HEAD>;
  var sum_k: array<vec4f, HEAD>;
  var sum_v: array<vec4f, HEAD>;
  for (var i = 0u; i < HEAD; i++) {
    key[i] = k[at + i] * params.scale;
    value[i] = v[at + i];
  }
  for (var h = g * shared_by; h < (g + 1u) * shared_by; h++) {
    // From the workgroup's first key, not from s: all threads then read the same query in step.
    let end = min(params.queries, group.x * WG + WG + min(params.window, params.queries)); // past every thread's window
    for (var t = group.x * WG; t < end; t++) {
      let row = (b * params.queries + t) * params.heads + h;
      var score = 0.0;
      var pull = 0.0;
      for (var i = 0u; i < HEAD; i++) {
        score += dot(q[row * HEAD + i], key[i]);
        pull += dot(dout[row * HEAD + i], value[i]);
      }
      let seen = s <= t && t - s < params.window;
      let weight = select(0.0, exp(min(score - lse[row], 0.0)), seen); // a weight is at most 1; unseen keys may score higher
      let ds = weight * (pull - delta[row]);
      for (var i = 0u; i < HEAD; i++) {
        sum_k[i] += ds * q[row * HEAD + i];
        sum_v[i] += weight * dout[row * HEAD + i];
      }
    }
  }
  for (var i = 0u; i < HEAD; i++) {
    var grad_k = sum_k[i] * params.scale;
    var grad_v = sum_v[i];
    if (params.accumulate_key == 1u) { grad_k += dk[at + i]; }
    if (params.accumulate_value == 1u) { grad_v += dv[at + i]; }
    dk[at + i] = grad_k;
    dv[at + i] = grad_v;
  }
}

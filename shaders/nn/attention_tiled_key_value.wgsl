// nn/attention_tiled_key_value.wgsl — the gradients of nn/attention_backward_key_value, eight queries at a time.
//
//   dv[s] (+)= Σ_{h∈g} Σ_{0≤t−s<W} p[t,s] · dout[t]
//   dk[s] (+)= scale · Σ_{h∈g} Σ_{0≤t−s<W} p[t,s] · ( dout[t]·v[s] − delta[t] ) · q[t]
//
// Source   FlashAttention (Dao 2022); delta is nn/attention_tiled_query's.
// Shapes   as nn/attention_backward_key_value. The head size is a uniform: one pipeline for all.
// Grid     one thread per key: dispatch (⌈T/WG⌉, G, B). The thread sums over the H/G query heads that share it.
// WG       one subgroup; as in nn/attention_tiled. On lavapipe 4 times faster than nn/attention_backward_key_value.
// Oracle   test/oracle/nn.ts, by finite differences. Tested by test/kernels/nn-attention.test.ts.
// Uses     lib/subgroup_broadcast.wgsl
// Prelude  enable subgroups;

override WG: u32 = 32u;

struct Params {
  queries: u32,  // T
  heads: u32,    // H
  kv_heads: u32, // G
  scale: f32,
  window: u32,   // W
  accumulate_key: u32,
  accumulate_value: u32,
  head: u32,     // h/4
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

// The weights of four queries on key s: 0 for those before it, beyond its window and past the edge.
fn weights(score: vec4f, log_total: vec4f, t: vec4u, s: u32) -> vec4f {
  // A weight is at most 1; queries that do not see the key may score it higher.
  let weight = exp(min(score * params.scale - log_total, vec4f()));
  let near = (t >= vec4u(s)) & (t - vec4u(s) < vec4u(params.window));
  return select(vec4f(), weight, near & (t < vec4u(params.queries)));
}

@compute @workgroup_size(WG)
fn attention_tiled_key_value(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let g = group.y;
  let b = group.z;
  let s = group.x * WG + tid;
  let inside = s < params.queries; // lanes past the edge compute a duplicate: all lanes must hand round
  let mine = ((b * params.queries + min(s, params.queries - 1u)) * params.kv_heads + g) * params.head;
  let shared_by = params.heads / params.kv_heads;
  let begin = group.x * WG;
  let end = min(params.queries, begin + WG + min(params.window, params.queries)); // past every lane's window
  for (var h = g * shared_by; h < (g + 1u) * shared_by; h++) {
    for (var first = begin; first < end; first += 8u) {
      let row = (b * params.queries + min(first + lane % 8u, params.queries - 1u)) * params.heads + h;
      let at = row * params.head;
      var low = vec4f();
      var high = vec4f();
      var pull_low = vec4f();
      var pull_high = vec4f();
      for (var d = 0u; d < params.head; d++) {
        let score = dot_eight(k[mine + d], q[at + d]);
        low += score[0];
        high += score[1];
        let pull = dot_eight(v[mine + d], dout[at + d]);
        pull_low += pull[0];
        pull_high += pull[1];
      }
      let log_total = all_eight(lse[row]);
      let pulled = all_eight(delta[row]);
      let t = first + vec4u(0u, 1u, 2u, 3u);
      low = weights(low, log_total[0], t, s);
      high = weights(high, log_total[1], t + 4u, s);
      pull_low = params.scale * low * (pull_low - pulled[0]);
      pull_high = params.scale * high * (pull_high - pulled[1]);
      let fresh = first == begin && h == g * shared_by;
      for (var d = 0u; d < params.head; d++) {
        var sum_k = mix_eight(pull_low, pull_high, q[at + d]);
        var sum_v = mix_eight(low, high, dout[at + d]);
        if (inside) {
          if (!fresh || params.accumulate_key == 1u) { sum_k += dk[mine + d]; }
          if (!fresh || params.accumulate_value == 1u) { sum_v += dv[mine + d]; }
          dk[mine + d] = sum_k;
          dv[mine + d] = sum_v;
        }
      }
    }
  }
}

// nn/attention_tiled_query.wgsl — the gradient of nn/attention_backward_query, eight keys at a time.
//
//   p[t,s]  = exp( scale·q[t]·k[s] − lse[t] )          delta[t] = dout[t]·out[t]
//   dq[t]   (+)= scale · Σ_{0≤t−s<W} p[t,s] · ( dout[t]·v[s] − delta[t] ) · k[s]
//
// Source   FlashAttention (Dao 2022); weights recomputed from lse.
// Shapes   as nn/attention_backward_query. The head size is a uniform: one pipeline for all.
// Grid     one thread per query: dispatch (⌈T/WG⌉, H, B). Writes delta for the key-value pass.
// WG       one subgroup; as in nn/attention_tiled. On lavapipe twice as fast as nn/attention_backward_query.
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
  accumulate: u32,
  head: u32,     // h/4
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

fn seen(s: vec4u, t: u32) -> vec4<bool> { return (s <= vec4u(t)) & (vec4u(t) - s < vec4u(params.window)); }

@compute @workgroup_size(WG)
fn attention_tiled_query(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) tid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let h = group.y;
  let b = group.z;
  let t = group.x * WG + tid;
  let inside = t < params.queries; // lanes past the edge compute a duplicate: all lanes must hand round
  let row = (b * params.queries + min(t, params.queries - 1u)) * params.heads + h;
  let mine = row * params.head;
  let stride = params.kv_heads * params.head;
  let keys = b * params.queries * stride + h * params.kv_heads / params.heads * params.head;
  let end = min((group.x + 1u) * WG, params.queries);
  let log_total = lse[row];
  var pulled = 0.0;
  for (var d = 0u; d < params.head; d++) { pulled += dot(dout[mine + d], out[mine + d]); }

  let earliest = group.x * WG + 1u;
  let begin = (earliest - min(earliest, params.window)) / 8u * 8u; // the tile of the first key that any lane sees
  for (var first = begin; first < end; first += 8u) {
    let at = keys + min(first + lane % 8u, params.queries - 1u) * stride;
    var low = vec4f();
    var high = vec4f();
    var pull_low = vec4f();
    var pull_high = vec4f();
    for (var d = 0u; d < params.head; d++) {
      let score = dot_eight(q[mine + d], k[at + d]);
      low += score[0];
      high += score[1];
      let pull = dot_eight(dout[mine + d], v[at + d]);
      pull_low += pull[0];
      pull_high += pull[1];
    }
    let s = first + vec4u(0u, 1u, 2u, 3u);
    // A weight is at most 1; keys that are not seen may score higher.
    low = select(vec4f(), exp(min(low * params.scale - log_total, vec4f())), seen(s, t));
    high = select(vec4f(), exp(min(high * params.scale - log_total, vec4f())), seen(s + 4u, t));
    low *= params.scale * (pull_low - pulled);
    high *= params.scale * (pull_high - pulled);
    for (var d = 0u; d < params.head; d++) {
      var sum = mix_eight(low, high, k[at + d]);
      if (inside) {
        if (first > begin || params.accumulate == 1u) { sum += dq[mine + d]; }
        dq[mine + d] = sum;
      }
    }
  }
  if (inside) { delta[row] = pulled; }
}

// nn/attention_tiled.wgsl — the causal attention of nn/attention, eight keys at a time.
//
//   out[b,t,h,:] = Σ_s softmax_s( q[b,t,h,:]·k[b,s,g,:] · scale ) · v[b,s,g,:]     0 ≤ start[b] + t − s < W,  g = h·G/H
//
// Source   as nn/attention; tiles as in FlashAttention (Dao 2022).
// Shapes   as nn/attention. The head size is a uniform: one pipeline for all.
// Grid     one thread per query: dispatch (⌈T/WG⌉, H, B).
// WG       one subgroup. A key is read by one of eight lanes and handed to the others: on lavapipe, where a load
//          costs a loop over lanes, 6 times faster than nn/attention (T 64, h 32), and its shader compiles 4 times
//          faster, since the loop over the head is not unrolled. The sums live in `out`: they need no registers.
// Numerics as nn/attention, but the maximum moves once per eight keys.
// Oracle   test/oracle/nn.ts. Tested by test/kernels/nn-attention.test.ts.
// Uses     lib/subgroup_broadcast.wgsl
// Prelude  enable subgroups;

override WG: u32 = 32u;

struct Params {
  queries: u32,  // T
  keys: u32,     // S
  heads: u32,    // H
  kv_heads: u32, // G
  scale: f32,
  window: u32,   // W
  head: u32,     // h/4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<u32>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

fn largest(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
fn seen(s: vec4u, last: u32) -> vec4<bool> { return (s <= vec4u(last)) & (vec4u(last) - s < vec4u(params.window)); }
fn total_of(x: vec4f) -> f32 { return dot(x, vec4f(1.0)); }

@compute @workgroup_size(WG)
fn attention_tiled(
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
  let keys = b * params.keys * stride + h * params.kv_heads / params.heads * params.head;
  let last = start[b] + t; // the last key that this query sees
  let end = min(start[b] + min((group.x + 1u) * WG, params.queries), params.keys);
  let earliest = start[b] + group.x * WG + 1u;
  let begin = (earliest - min(earliest, params.window)) / 8u * 8u; // the tile of the first key that any lane sees
  var top = -3e38;
  var total = 0.0;
  for (var first = begin; first < end; first += 8u) {
    let at = keys + min(first + lane % 8u, params.keys - 1u) * stride;
    var low = vec4f();
    var high = vec4f();
    for (var d = 0u; d < params.head; d++) {
      let part = dot_eight(q[mine + d], k[at + d]);
      low += part[0];
      high += part[1];
    }
    let s = first + vec4u(0u, 1u, 2u, 3u);
    low = select(vec4f(-3e38), low * params.scale, seen(s, last));
    high = select(vec4f(-3e38), high * params.scale, seen(s + 4u, last));
    // Tiles before a lane's window weigh 1 at −3e38, until `keep` = 0 forgets them at the first key that it sees.
    let higher = max(top, max(largest(low), largest(high)));
    let keep = exp(top - higher);
    top = higher;
    low = exp(low - higher);
    high = exp(high - higher);
    total = total * keep + total_of(low) + total_of(high);
    for (var d = 0u; d < params.head; d++) {
      var sum = mix_eight(low, high, v[at + d]);
      if (inside) {
        if (first > begin) { sum += out[mine + d] * keep; }
        out[mine + d] = sum;
      }
    }
  }
  if (!inside) { return; }
  for (var d = 0u; d < params.head; d++) { out[mine + d] /= total; }
  lse[row] = top + log(total);
}

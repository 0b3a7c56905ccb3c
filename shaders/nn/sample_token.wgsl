// nn/sample_token.wgsl — draws the next token of each row, and puts it where the next pass reads it.
//
//   p = softmax(z / T), cut to the k likeliest, then to the fewest that hold mass ≥ topP of those, renormalized
//   token = the first i with Σ_{j≤i} p[j] > u;   T = 0: the first largest z
//   figures[slot·B+b] = token (−1: z not finite), log softmax(z)[token], entropy of softmax(z); both at T = 1, in nats
//   next[b] = token, next_start[b] = start[b] + taken
//
// Source   Holtzman 2020 (top-p); tokens that tie at a cut are all kept, as Hugging Face's top-k warper does.
// Shapes   logits (B, V) · u, start, taken, next, next_start (B) · figures (steps, B, 3)
// Grid     one workgroup per row: dispatch (B).
// WG = 64  each thread has a stretch of the vocabulary, so that sums over stretches keep the order of ids.
// Numerics f32, max-shifted. The cut is found by bisection on the integers that order as the logits do: exact.
// Oracle   and test: test/kernels/sample-token.test.ts. src/student/sample.ts draws from the same distribution on the CPU.

const WG: u32 = 64u;

struct Params {
  vocab: u32,       // V
  rows: u32,        // B
  slot: u32,        // which row of `figures`
  top_k: u32,       // 0: all
  top_p: f32,
  temperature: f32, // 0: greedy
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> u: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<u32>;
@group(0) @binding(4) var<storage, read> taken: array<u32>;
@group(0) @binding(5) var<storage, read_write> figures: array<f32>;
@group(0) @binding(6) var<storage, read_write> next: array<u32>;
@group(0) @binding(7) var<storage, read_write> next_start: array<u32>;

var<workgroup> parts: array<f32, WG>;
var<workgroup> most: array<u32, WG>;

/** Everybody's sum, in one order. */
fn total(tid: u32, x: f32) -> f32 {
  workgroupBarrier();
  parts[tid] = x;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += parts[i]; }
  return sum;
}

fn largest(tid: u32, x: u32) -> u32 {
  workgroupBarrier();
  most[tid] = x;
  workgroupBarrier();
  var top = 0u;
  for (var i = 0u; i < WG; i++) { top = max(top, most[i]); }
  return top;
}

@compute @workgroup_size(WG)
fn sample_token(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let b = group.x;
  let V = params.vocab;
  let base = b * V;
  let each = (V + WG - 1u) / WG;
  let first = min(tid * each, V);
  let end = min(first + each, V);

  var key = 0u;
  var odd = 0.0; // NaN and +∞: a model that has gone wrong
  for (var i = first; i < end; i++) {
    let z = logits[base + i];
    let bits = bitcast<u32>(z);
    if (!is_finite(z) && bits != 0xff800000u) { odd = 1.0; }
    key = max(key, float_key(z));
  }
  let top = largest(tid, key);
  let m = key_float(top);
  let broken = total(tid, odd) > 0.0 || !is_finite(m);

  // At temperature 1: the normalizer and the entropy.
  var z1 = 0.0;
  var s1 = 0.0;
  for (var i = first; i < end; i++) {
    let d = max(logits[base + i] - m, -1e30);
    let w = exp(d);
    z1 += w;
    s1 += select(0.0, w * d, w > 0.0);
  }
  let norm = total(tid, z1);
  let moment = total(tid, s1);

  // The least key that is kept.
  var least = 0u;
  if (params.temperature == 0.0) {
    least = top;
  } else {
    if (params.top_k > 0u && params.top_k < V) {
      var cut = 0u;
      for (var bit = 0u; bit < 32u; bit++) {
        let trial = cut | (0x80000000u >> bit);
        var above = 0.0;
        for (var i = first; i < end; i++) { above += select(0.0, 1.0, float_key(logits[base + i]) >= trial); }
        if (total(tid, above) >= f32(params.top_k)) { cut = trial; }
      }
      least = cut;
    }
    if (params.top_p < 1.0) {
      let all = total(tid, mass(base, first, end, m, least));
      var cut = least;
      var found = 0u;
      for (var bit = 0u; bit < 32u; bit++) {
        let trial = found | (0x80000000u >> bit);
        let held = total(tid, mass(base, first, end, m, max(trial, least)));
        if (held >= params.top_p * all) { found = trial; }
      }
      cut = max(cut, found);
      least = min(cut, top);
    }
  }

  let own = select(mass(base, first, end, m, least), 0.0, params.temperature == 0.0);
  let whole = total(tid, own); // leaves the stretches' sums in `parts`
  if (params.temperature == 0.0) {
    var id = V;
    for (var i = first; i < end; i++) { if (float_key(logits[base + i]) == top) { id = min(id, i); } }
    let best = V - largest(tid, V - id); // the least id
    if (tid == 0u) { finish(b, best, broken, base, m, norm, moment); }
    return;
  }
  if (tid != 0u) { return; }
  var left = u[b] * whole;
  var thread = 0u;
  var last = 0u; // the last stretch with anything in it: rounding may leave a little over
  for (var i = 0u; i < WG; i++) { if (parts[i] > 0.0) { last = i; } }
  while (thread < last && left >= parts[thread]) { left -= parts[thread]; thread++; }
  var token = V;
  for (var i = min(thread * each, V); i < min((thread + 1u) * each, V); i++) {
    if (float_key(logits[base + i]) < least) { continue; }
    let w = exp((logits[base + i] - m) / params.temperature);
    if (w <= 0.0) { continue; }
    token = i;
    if (left < w) { break; }
    left -= w;
  }
  finish(b, token, broken, base, m, norm, moment);
}

/** A stretch's part of Σ exp((z − m)/T) over what is kept. */
fn mass(base: u32, first: u32, end: u32, m: f32, least: u32) -> f32 {
  var sum = 0.0;
  for (var i = first; i < end; i++) {
    let z = logits[base + i];
    if (float_key(z) >= least) { sum += exp(max((z - m) / params.temperature, -1e30)); }
  }
  return sum;
}

fn finish(b: u32, token: u32, broken: bool, base: u32, m: f32, norm: f32, moment: f32) {
  let bad = broken || token >= params.vocab;
  let id = select(token, 0u, bad);
  let at = 3u * (params.slot * params.rows + b);
  figures[at] = select(f32(id), -1.0, bad);
  figures[at + 1u] = logits[base + id] - m - log(norm);
  figures[at + 2u] = log(norm) - moment / norm;
  next[b] = id;
  next_start[b] = start[b] + taken[b];
}

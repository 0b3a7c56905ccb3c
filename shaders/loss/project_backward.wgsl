// loss/project_backward.wgsl — the gradient of projected chunks to the student's logits, through mean, map and soft-max.
//
//   d_v = Σ_{(u, w) ∈ row v of W} w · slope[g, place[u]],   g the row's chunk
//   dx[r,v] (+)= scale · weight[g] / (n·T) · p_v (d_v − Σ_u p_u d_u),   p = softmax(x[r]/T);   0 for a row in no chunk
//
// Source   METHODS §10.3. W by rows (CSR): every element is written from one place.
// Shapes   chunk_of (R): 0xffffffff = in none · chunks (G): (from, to) · entries (V, width): (u, bits of w), u 0xffffffff = none
//          places (Vt): j + 1 of the ids that are taken, else 0 · slope (G, K) · x, dx (R, V) · stats (R) at T
// Grid     one workgroup per row: dispatch (R).
// WG       64, or 256 for a large vocabulary: 3 barriers.
// Numerics f32; the order of additions is fixed.
// Oracle   finite differences. Tested by test/gradients/group-methods.test.ts.
// Uses     lib/workgroup_sum4.wgsl

override WG: u32 = 64u;

struct Params {
  vocab: u32, // V
  width: u32,
  columns: u32, // K
  first: u32, // of the rows of x
  accumulate: u32,
  inverse_temperature: f32,
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> chunk_of: array<u32>;
@group(0) @binding(3) var<storage, read> chunks: array<vec2u>;
@group(0) @binding(4) var<storage, read> entries: array<vec2u>;
@group(0) @binding(5) var<storage, read> places: array<u32>;
@group(0) @binding(6) var<storage, read> slope: array<f32>;
@group(0) @binding(7) var<storage, read> x: array<f32>;
@group(0) @binding(8) var<storage, read> stats: array<vec2f>;
@group(0) @binding(9) var<storage, read_write> dx: array<f32>;

fn moved(v: u32, g: u32) -> f32 {
  var sum = 0.0;
  for (var k = v * params.width; k < (v + 1u) * params.width; k++) {
    let entry = entries[k];
    if (entry.x == 0xffffffffu) { continue; }
    let place = places[entry.x];
    if (place > 0u) { sum += bitcast<f32>(entry.y) * slope[g * params.columns + place - 1u]; }
  }
  return sum;
}

@compute @workgroup_size(WG)
fn project_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) tid: u32) {
  let row = group.x * params.vocab;
  let g = chunk_of[params.first + group.x];
  if (g == 0xffffffffu) {
    for (var v = tid; v < params.vocab; v += WG) {
      if (params.accumulate == 0u) { dx[row + v] = 0.0; }
    }
    return;
  }
  let s = stats[group.x];
  var sum = 0.0;
  for (var v = tid; v < params.vocab; v += WG) {
    sum += exp((x[row + v] - s.x) * params.inverse_temperature - s.y) * moved(v, g);
  }
  let inner = workgroup_sum4(tid, vec4f(sum, 0.0, 0.0, 0.0)).x;
  let chunk = chunks[g];
  let factor = scale.factor * params.inverse_temperature / f32(chunk.y - chunk.x);
  for (var v = tid; v < params.vocab; v += WG) {
    let p = exp((x[row + v] - s.x) * params.inverse_temperature - s.y);
    var slope_v = factor * p * (moved(v, g) - inner);
    if (params.accumulate == 1u) { slope_v += dx[row + v]; }
    dx[row + v] = slope_v;
  }
}

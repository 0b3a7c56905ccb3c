// ot/unrolled_entries.wgsl — what the kernels of the unrolled gradient read of the sweeps that were done.
//
//   E(f^k, g^l)_ij = exp((f⁰_i + g⁰_j − C_ij)/ε) u^k_i v^l_j      with f⁰, g⁰ as they were after sweeps k and l
//
// Shapes   history (K+1, 2(R+S)): f⁰, g⁰, u, v after k sweeps in row k
// Oracle   test/oracle/ot.ts. Tested by test/gradients/ot.test.ts.
// Needs    ot/problem.wgsl, a binding `history`, `params.stride`

// f⁰ and u of a row.
fn row_at(p: Problem, i: u32, k: u32) -> vec2f {
  let at = 2u * k * params.stride + p.f + i;
  return vec2f(history[at], history[at + params.stride]);
}

fn g_at(p: Problem, j4: u32, k: u32) -> vec4f { return history4(2u * k * params.stride + p.g + 4u * j4); }

fn v_at(p: Problem, j4: u32, k: u32) -> vec4f { return history4((2u * k + 1u) * params.stride + p.g + 4u * j4); }

fn history4(at: u32) -> vec4f { return vec4f(history[at], history[at + 1u], history[at + 2u], history[at + 3u]); }

// The potential itself.
fn full(row: vec2f, eps: f32) -> f32 { return row.x + eps * log(max(row.y, 1e-37)); }

fn full4(g: vec4f, v: vec4f, eps: f32) -> vec4f { return g + eps * log(max(v, vec4f(1e-37))); }

// E for four columns; 0 in padding and where there is no mass.
fn entries(row: vec2f, g: vec4f, v: vec4f, c: vec4f, eps: f32) -> vec4f {
  let live = (g > vec4f(NO_MASS)) & vec4<bool>(row.x > NO_MASS);
  return select(vec4f(), exp(clamp((row.x + g - c) / eps, vec4f(-100.0), vec4f(80.0))) * row.y * v, live);
}

// d(value)/dP = f + g − ε log ab.
fn value_slope(row: vec2f, mass: f32, g: vec4f, v: vec4f, b: vec4f, eps: f32) -> vec4f {
  let of_row = full(row, eps) - select(0.0, eps * log(max(mass, 1e-37)), mass > 0.0);
  return select(vec4f(), of_row + full4(g, v, eps) - eps * log(max(b, vec4f(1e-37))), b > vec4f());
}

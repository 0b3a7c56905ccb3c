// lib/gelu.wgsl — the Gaussian error linear unit and its derivative.
//
//   erf form   gelu(z) = z · Φ(z),  Φ(z) = ½ · erfc(−z/√2)              gelu′ = Φ + z · e^{−z²/2}/√(2π)
//   tanh form  gelu(z) = z · s,     s = ½ · (1 + tanh u)                 gelu′ = s + 2 · z · s · (1−s) · u′
//              u = √(2/π) · (z + 0.044715 z³)
//
// Source   Hendrycks & Gimpel 2016; "gelu" and "gelu_new" = "gelu_pytorch_tanh" in Hugging Face.
// Numerics erfc by the Chebyshev fit of Numerical Recipes (erfcc): relative error below 1.2e-7 everywhere, so the
//          negative tail keeps its digits. s is written as a logistic of 2u, clamped where e^{−2u} nears overflow.

const GELU_TANH: u32 = 1u;

fn erfc_positive(x: f32) -> f32 { // x ≥ 0
  let t = 1.0 / (1.0 + 0.5 * x);
  var p = 0.17087277;
  p = p * t - 0.82215223;
  p = p * t + 1.48851587;
  p = p * t - 1.13520398;
  p = p * t + 0.27886807;
  p = p * t - 0.18628806;
  p = p * t + 0.09678418;
  p = p * t + 0.37409196;
  p = p * t + 1.00002368;
  p = p * t - 1.26551223;
  return t * exp(max(p - x * x, -80.0));
}

/// The share s of z that passes: gelu(z) = z·s.
fn gelu_share(kind: u32, z: f32) -> f32 {
  if (kind == GELU_TANH) {
    let u = 0.7978845608 * (z + 0.044715 * z * z * z);
    return 1.0 / (1.0 + exp(clamp(-2.0 * u, -80.0, 80.0)));
  }
  let tail = 0.5 * erfc_positive(min(abs(z) * 0.7071067812, 1e4));
  return select(tail, 1.0 - tail, z > 0.0);
}

fn gelu_slope(kind: u32, z: f32) -> f32 {
  let share = gelu_share(kind, z);
  if (kind == GELU_TANH) {
    let inner = 0.7978845608 * (1.0 + 0.134145 * z * z);
    return share + 2.0 * z * share * (1.0 - share) * inner;
  }
  return share + z * 0.3989422804 * exp(max(-0.5 * z * z, -80.0));
}

// lib/exp_less_one.wgsl — eˣ − 1 for x ≤ 0 with the digits of a small x: the distance of a probability from 1.

fn exp_less_one(x: f32) -> f32 {
  if (x < -0.3) { return exp(x) - 1.0; }
  return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x / 720.0)))));
}

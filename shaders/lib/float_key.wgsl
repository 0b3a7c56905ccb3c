// lib/float_key.wgsl — an integer that orders as its float does, and back.
//
//   x < y  ⇔  float_key(x) < float_key(y)   for finite x, y
//
// Positive floats order as their bits; negative ones in reverse, so all their bits are flipped, and the sign bit of
// the others is set. −0 lies just below 0.

fn float_key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn key_float(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

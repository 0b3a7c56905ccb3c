// lib/is_finite.wgsl — is x neither infinite nor NaN?
//
// By its bits: WGSL implementations may assume that NaN and infinity do not occur, so `x == x` may be folded.

fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

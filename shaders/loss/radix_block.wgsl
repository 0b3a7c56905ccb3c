// loss/radix_block.wgsl — what the count and the scatter of a radix pass share: one block's digits, thread by thread.
//
// A block is 2048 neighbouring elements of a row; thread t owns 32 neighbouring ones of them, so that threads in
// order own the elements in order and a stable rank is: elements of smaller digits, plus those of the same digit in
// earlier threads, plus those seen so far in this thread.
// A digit is 6 bits of the key, or with a `quantum` of 24-bit fixed point: how far the value lies below its row's
// largest, in steps of 1/quantum. Values closer than a step keep their order; those 2²⁴ steps below share the last place.
// Two digits' counters share a word, since none passes 2048: 64 threads × 32 words = 8 KiB.
// Needs    lib/float_key.wgsl

const WG = 64u;
const ITEMS = 32u;
const BLOCK = WG * ITEMS;
const BINS = 64u;
const WORDS = BINS / 2u;

struct Params {
  vocab: u32,  // V: elements of a row
  blocks: u32, // ⌈V / 2048⌉
  shift: u32,  // the digit's lowest bit
  flags: u32,  // of the scatter: 1 = write an order, 2 = the order that comes in is 0, 1, 2, …
  quantum: f32, // 0: the whole key counts
}

var<workgroup> digit_counts: array<u32, 2048>; // WG · WORDS, [word][thread]

const LAST_STEP = 16777215.0; // 2²⁴ − 1

fn digit_of(key: u32, top: f32) -> u32 {
  var place = key;
  if (params.quantum > 0.0) { place = u32(min((top - key_float(~key)) * params.quantum, LAST_STEP)); }
  return (place >> params.shift) & (BINS - 1u);
}

/// This thread's counter of a digit, and one more in it.
fn digit_increment(tid: u32, digit: u32) -> u32 {
  let cell = (digit >> 1u) * WG + tid;
  let half = (digit & 1u) * 16u;
  let word = digit_counts[cell];
  digit_counts[cell] = word + (1u << half);
  return (word >> half) & 0xffffu;
}

fn digits_clear(tid: u32) {
  for (var w = 0u; w < WORDS; w++) { digit_counts[w * WG + tid] = 0u; }
}

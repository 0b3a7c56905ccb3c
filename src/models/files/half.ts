// IEEE half precision (f16) and bfloat16, to and from numbers: typed arrays of f16 are not everywhere yet.

const EXPONENT_BIAS_SHIFT = 112 << 23; // f32's bias less f16's, in place
const SMALLEST_NORMAL = 113 << 23; // 2^−14
const LARGEST = 0x477fefff; // rounds to 65504

/** IEEE half to number, subnormals and infinities included. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Puts halves into `target` one by one: through a table of all 65,536, made when first needed. */
export function halfStore(target: Float32Array): (index: number, bits: number) => void {
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => halfToFloat(bits));
  const values = table;
  return (index, bits) => {
    target[index] = values[bits] ?? 0;
  };
}
let table: Float32Array | undefined;

export function halvesToFloats(halves: Uint16Array): Float32Array {
  const out = new Float32Array(halves.length);
  const store = halfStore(out);
  for (let i = 0; i < halves.length; i++) store(i, halves[i] ?? 0);
  return out;
}

/** bfloat16 is the upper half of an f32. */
export function bfloatStore(target: Float32Array): (index: number, bits: number) => void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  return (index, bits) => {
    words[index] = bits << 16;
  };
}

/** Round to nearest, ties to even; beyond ±65504 infinite. */
export function floatsToHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfBits(bits[i] ?? 0, values[i] ?? 0);
  return halves;
}

/** @param f32 the bits of `value` */
function halfBits(f32: number, value: number): number {
  const sign = (f32 >>> 16) & 0x8000;
  const magnitude = f32 & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude > LARGEST) return sign | 0x7c00;
  // Below the normal numbers: counts of the smallest subnormal.
  if (magnitude < SMALLEST_NORMAL) return sign | roundEven(Math.abs(value) * 2 ** 24);
  const shifted = magnitude - EXPONENT_BIAS_SHIFT;
  return sign | ((shifted + 0xfff + ((shifted >>> 13) & 1)) >>> 13);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

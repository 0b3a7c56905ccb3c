// A diverging map for signed values: orange below zero, the ground at zero, purple above (after ColorBrewer's
// PuOr). Two ends that readers with colour-vision deficiency tell apart, with the sign in the legend as well.
import type { Scheme } from "../theme/palette";

type Rgb = readonly [number, number, number];
const ENDS: Readonly<Record<Scheme, { below: Rgb; zero: Rgb; above: Rgb }>> = {
  light: { below: [127, 59, 8], zero: [247, 247, 247], above: [45, 0, 75] },
  dark: { below: [253, 184, 99], zero: [30, 33, 38], above: [178, 171, 235] },
};
const STEPS = 128;

/** [257 × (r, g, b)]: index 0 is −1, 128 is 0, 256 is +1. */
export function puor(scheme: Scheme): Uint8ClampedArray {
  const { below, zero, above } = ENDS[scheme];
  const table = new Uint8ClampedArray((2 * STEPS + 1) * 3);
  for (let i = -STEPS; i <= STEPS; i++) {
    const share = Math.abs(i) / STEPS;
    const end = i < 0 ? below : above;
    const color = zero.map((from, c) => Math.round(from + share * ((end[c] ?? 0) - from)));
    table.set(color, (i + STEPS) * 3);
  }
  return table;
}

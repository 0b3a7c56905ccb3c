// The cividis map (Nuñez, Anderton, Renslow 2018) as 256 colours: even lightness steps, and the same to
// readers with and without colour-vision deficiency. Polynomial fit by d3-scale-chromatic.

const STEPS = 256;

const poly = (t: number, coefficients: readonly number[]): number =>
  coefficients.reduceRight((sum, c) => c + t * sum, 0);

const RED = [-4.54, -35.34, 2381.73, -6402.7, 7024.72, -2710.57];
const GREEN = [32.49, 170.73, 52.82, -131.46, 176.58, -67.37];
const BLUE = [81.24, 442.36, -2482.43, 6167.24, -6614.94, 2475.67];

/** [256 × (r, g, b)], dark to light. */
export const CIVIDIS: Uint8ClampedArray = new Uint8ClampedArray(STEPS * 3);
for (let i = 0; i < STEPS; i++) {
  const t = i / (STEPS - 1);
  CIVIDIS.set(
    [RED, GREEN, BLUE].map((channel) => Math.round(poly(t, channel))),
    i * 3,
  );
}

/** The colour at t in [0, 1] as CSS. */
export function cividis(t: number): string {
  const at = Math.round(Math.min(1, Math.max(0, t)) * (STEPS - 1)) * 3;
  return `rgb(${CIVIDIS[at]} ${CIVIDIS[at + 1]} ${CIVIDIS[at + 2]})`;
}

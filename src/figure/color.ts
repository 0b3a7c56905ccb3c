// From numbers to colours: the maps, the scales between a value and its place on a map, and both as one shade.
import type { Scheme } from "./palette";

export type ColorScale = "sqrt" | "linear" | "log";
export const COLOR_SCALES = ["sqrt", "linear", "log"] as const satisfies readonly ColorScale[];
export type MatrixKind = "plan" | "cost" | "gradient";

const STEPS = 256;
const poly = (t: number, coefficients: readonly number[]): number =>
  coefficients.reduceRight((sum, c) => c + t * sum, 0);

const RED = [-4.54, -35.34, 2381.73, -6402.7, 7024.72, -2710.57];
const GREEN = [32.49, 170.73, 52.82, -131.46, 176.58, -67.37];
const BLUE = [81.24, 442.36, -2482.43, 6167.24, -6614.94, 2475.67];

/**
 * The cividis map (Nuñez, Anderton, Renslow 2018; polynomial fit by d3-scale-chromatic) as [256 × (r, g, b)], dark to
 * light: even lightness steps, and the same to readers with and without colour-vision deficiency.
 */
export const CIVIDIS: Uint8ClampedArray = new Uint8ClampedArray(STEPS * 3);
for (let i = 0; i < STEPS; i++) {
  const t = i / (STEPS - 1);
  CIVIDIS.set(
    [RED, GREEN, BLUE].map((channel) => Math.round(poly(t, channel))),
    i * 3,
  );
}

type Rgb = readonly [number, number, number];
const PUOR: Readonly<Record<Scheme, { below: Rgb; zero: Rgb; above: Rgb }>> = {
  light: { below: [127, 59, 8], zero: [247, 247, 247], above: [45, 0, 75] },
  dark: { below: [253, 184, 99], zero: [30, 33, 38], above: [178, 171, 235] },
};
const HALF = 128;

/**
 * A diverging map for signed values (after ColorBrewer's PuOr) as [257 × (r, g, b)]: index 0 is −1, orange; 128 is 0, the
 * ground; 256 is +1, purple. Readers with colour-vision deficiency tell the two ends apart.
 */
function puor(scheme: Scheme): Uint8ClampedArray {
  const { below, zero, above } = PUOR[scheme];
  const table = new Uint8ClampedArray((2 * HALF + 1) * 3);
  for (let i = -HALF; i <= HALF; i++) {
    const share = Math.abs(i) / HALF;
    const end = i < 0 ? below : above;
    const color = zero.map((from, c) => Math.round(from + share * ((end[c] ?? 0) - from)));
    table.set(color, (i + HALF) * 3);
  }
  return table;
}

/** The log scale shows this many decades below the largest mass. */
const LOG_DECADES = 4;

/** Position in [0, 1] of `mass` when the largest is `largest`. */
export function scalePosition(scale: ColorScale, mass: number, largest: number): number {
  if (!(largest > 0) || !(mass > 0)) return 0;
  const share = Math.min(1, mass / largest);
  switch (scale) {
    case "linear":
      return share;
    case "sqrt":
      return Math.sqrt(share);
    case "log":
      return Math.max(0, 1 + Math.log10(share) / LOG_DECADES);
  }
}

/** The mass at a position: the inverse, for the numbers of the legend. */
export function scaleMass(scale: ColorScale, position: number, largest: number): number {
  switch (scale) {
    case "linear":
      return position * largest;
    case "sqrt":
      return position ** 2 * largest;
    case "log":
      return largest * 10 ** ((position - 1) * LOG_DECADES);
  }
}

/** A matrix as colours: which table, which position in it, and the numbers of its legend. */
export interface Shade {
  /** Flat RGB table and its last index. */
  readonly table: Uint8ClampedArray;
  readonly last: number;
  /** Index into the table; −1: no number. */
  at(value: number): number;
  /** Value at a share of the legend's width, left to right. */
  value(share: number): number;
}

export interface ShadeOptions {
  readonly kind: MatrixKind;
  readonly scale: ColorScale;
  readonly scheme: Scheme;
  /** Of the strongest colour, where several matrices share their colours; else the matrix's own. */
  readonly largest?: number | undefined;
}

/** Plans and costs from 0 (a cost from its least); gradients around 0. */
export function shadeOf(values: Float32Array, { kind, scale, scheme, largest }: ShadeOptions): Shade {
  const [low, high] = range(values);
  if (kind === "gradient") return signedShade(Math.max(Math.abs(low), Math.abs(high)), scale, scheme);
  const from = kind === "cost" ? low : 0;
  const span = (largest ?? high) - from;
  return {
    table: CIVIDIS,
    last: STEPS - 1,
    at: (value) =>
      Number.isNaN(value) ? -1 : Math.round((STEPS - 1) * scalePosition(scale, value - from, span)),
    value: (share) => from + scaleMass(scale, share, span),
  };
}

function signedShade(largest: number, scale: ColorScale, scheme: Scheme): Shade {
  return {
    table: puor(scheme),
    last: 2 * HALF,
    at: (value) =>
      HALF + Math.round(Math.sign(value) * HALF * scalePosition(scale, Math.abs(value), largest)),
    value: (share) =>
      share === 0.5 ? 0 : Math.sign(share - 0.5) * scaleMass(scale, Math.abs(2 * share - 1), largest),
  };
}

function range(values: Float32Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

/** Undefined for what is no number. */
export function shadeColor({ table }: Shade, index: number): string | undefined {
  if (index < 0) return undefined;
  return `rgb(${table[index * 3]} ${table[index * 3 + 1]} ${table[index * 3 + 2]})`;
}

/** Five colours with their numbers, from one end to the other. */
export const legendOf = (shade: Shade, text: (value: number) => string) =>
  [0, 0.25, 0.5, 0.75, 1].map((share) => ({
    share,
    color: shadeColor(shade, Math.round(share * shade.last)) ?? "",
    text: text(shade.value(share)),
  }));

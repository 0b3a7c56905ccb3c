// From numbers to colours: the maps, the scales between a value and its place on a map, and both as one shade.
import type { Scheme } from "./palette";

export type ColorScale = "sqrt" | "linear" | "log";
export const COLOR_SCALES = ["sqrt", "linear", "log"] as const satisfies readonly ColorScale[];
export type MatrixKind = "plan" | "cost" | "gradient";

const STEPS = 256;
type Rgb = readonly [number, number, number];

/**
 * One map for each ground: nothing is the ground itself, and the most is what stands out from it most. In the dark they are
 * cividis's blue, grey and yellow, which readers with and without colour-vision deficiency see alike.
 */
const RAMPS: Readonly<Record<Scheme, readonly (readonly [at: number, color: Rgb])[]>> = {
  light: [
    [0, [255, 255, 255]],
    [0.12, [229, 239, 245]],
    [0.3, [178, 208, 225]],
    [0.5, [108, 162, 197]],
    [0.7, [44, 110, 162]],
    [0.85, [15, 70, 122]],
    [1, [4, 32, 70]],
  ],
  dark: [
    [0, [20, 22, 26]],
    [0.12, [25, 40, 66]],
    [0.3, [44, 72, 110]],
    [0.5, [104, 110, 118]],
    [0.7, [164, 152, 108]],
    [0.85, [212, 190, 88]],
    [1, [253, 234, 69]],
  ],
};

/** [256 × (r, g, b)], from nothing to the most. */
export function rampOf(scheme: Scheme): Uint8ClampedArray {
  const stops = RAMPS[scheme];
  const table = new Uint8ClampedArray(STEPS * 3);
  for (let i = 0; i < STEPS; i++) {
    const t = i / (STEPS - 1);
    const next = Math.max(
      1,
      stops.findIndex(([at]) => at >= t),
    );
    const [[low, from], [high, to]] = [stops[next - 1]!, stops[next]!]; // the ends are 0 and 1
    const share = (t - low) / (high - low);
    table.set(
      from.map((c, k) => Math.round(c + share * (to[k]! - c))), // three channels each
      i * 3,
    );
  }
  return table;
}

/** Ribbons bear the colour of the token that they come from; neighbours differ. Each reads as text on its ground. */
export const SOURCES: Readonly<Record<Scheme, readonly string[]>> = {
  light: ["#145a9c", "#8f2f74", "#006650"],
  dark: ["#7cb8f5", "#e59ac3", "#4fcfae"],
};

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
    table: rampOf(scheme),
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

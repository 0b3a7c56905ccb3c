// A matrix as colours: which table, which position in it, and the numbers of its legend.
import type { MatrixKind, TransportView } from "../../config/transport-view";
import { CIVIDIS } from "../plan/cividis";
import { scaleMass, scalePosition } from "../plan/color-scale";
import { puor } from "../plan/puor";
import type { Scheme } from "../theme/palette";

export interface Shade {
  /** Flat RGB table and its last index. */
  readonly table: Uint8ClampedArray;
  readonly last: number;
  /** Index into the table; −1: no number, the ground shows. */
  at(value: number): number;
  /** Value at a share of the legend's width, left to right. */
  value(share: number): number;
}

type Scale = TransportView["show"]["scale"];

/** Plans and costs in cividis from 0 (a cost also from its least); gradients in PuOr around 0. */
export function shadeOf(kind: MatrixKind, values: Float32Array, scale: Scale, scheme: Scheme): Shade {
  const [low, high] = range(values);
  if (kind === "gradient") return signedShade(Math.max(Math.abs(low), Math.abs(high)), scale, scheme);
  const from = kind === "cost" ? low : 0;
  const span = high - from;
  return {
    table: CIVIDIS,
    last: 255,
    // No mass at all is the bottom of the scale: left to the ground it would outshine the most there is.
    at: (value) => (Number.isNaN(value) ? -1 : Math.round(255 * scalePosition(scale, value - from, span))),
    value: (share) => from + scaleMass(scale, share, span),
  };
}

function signedShade(largest: number, scale: Scale, scheme: Scheme): Shade {
  return {
    table: puor(scheme),
    last: 256,
    at: (value) => 128 + Math.round(Math.sign(value) * 128 * scalePosition(scale, Math.abs(value), largest)),
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

export const shadeColor = ({ table }: Shade, index: number): string =>
  `rgb(${table[index * 3]} ${table[index * 3 + 1]} ${table[index * 3 + 2]})`;

// From a share of mass to a place on the colour map.
import type { ColorScale } from "../../store";

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

// How large a problem's costs are, and whether its ε can be told apart from nothing beside them.
import { epsilonOf, type OtSettings } from "./settings";
import type { CostProblem, FeatureProblem } from "./types";

/** What a given cost matrix looks like over the rows and columns that have mass. */
export interface CostScale {
  readonly low: number;
  readonly high: number;
  /**
   * The largest of the rows' and of the columns' least costs, above `low`: every plan has mass on a cell that costs
   * at least this, so its potentials are at least this large.
   */
  readonly unavoidable: number;
  /** ε, in units of the cost. */
  readonly epsilon: number;
}

export function scaleOf(
  p: CostProblem,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  s: OtSettings,
): CostScale {
  let [low, high, sum] = [Infinity, -Infinity, 0];
  const columns = new Float64Array(p.m).fill(Infinity);
  let rows = -Infinity; // the largest of the rows' least costs
  for (let i = 0, at = 0; i < p.n; i++) {
    let least = Infinity;
    for (let j = 0; j < p.m; j++, at++) {
      const c = p.cost[at]!;
      sum += c;
      if (!(a[i]! > 0 && b[j]! > 0)) continue;
      high = Math.max(high, c);
      least = Math.min(least, c);
      columns[j] = Math.min(columns[j]!, c);
    }
    if (least < Infinity) rows = Math.max(rows, least);
    low = Math.min(low, least);
  }
  const dearest = columns.reduce((top, c) => (c < Infinity ? Math.max(top, c) : top), rows);
  return { low, high, unavoidable: dearest - low, epsilon: epsilonOf(s, sum / p.cost.length) };
}

/** The middle of the features' coordinates where they lie further from 0 than they are apart; else 0. */
export function centreOf({ x, y, d, kind }: FeatureProblem): Float64Array {
  const centre = new Float64Array(d);
  if (kind === "cosine") return centre;
  // A shift of both clouds changes no distance; one of y shifts all scores of a row, and their soft-max not at all.
  const clouds = kind === "attention" ? [y] : [x, y];
  for (let k = 0; k < d; k++) {
    let [low, high] = [Infinity, -Infinity];
    for (const points of clouds)
      for (let at = k; at < points.length; at += d) {
        low = Math.min(low, points[at]!);
        high = Math.max(high, points[at]!);
      }
    const middle = low / 2 + high / 2;
    if (Math.abs(middle) > high - low) centre[k] = middle;
  }
  return centre;
}

/** The largest distance of a point from `centre`. */
export function radiusOf(points: ArrayLike<number>, d: number, centre: Float64Array): number {
  let most = 0;
  for (let at = 0; at < points.length; at += d) {
    let squared = 0;
    for (let k = 0; k < d; k++) squared += (points[at + k]! - centre[k]!) ** 2;
    most = Math.max(most, squared);
  }
  return Math.sqrt(most);
}

/** No cost of these features is larger than this. */
export function boundOf(p: FeatureProblem, centre = centreOf(p)): number {
  if (p.kind === "cosine") return 2;
  if (p.kind === "attention") return 1;
  const reach = radiusOf(p.x, p.d, centre) + radiusOf(p.y, p.d, centre);
  return p.kind === "euclidean" ? reach : reach ** 2;
}

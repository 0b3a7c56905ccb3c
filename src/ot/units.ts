// The units in which float32 solves a problem: costs, ε and features moved and scaled so that neither their size nor
// their place costs digits. A plan, and a gradient in the cost, are the same in all units.
//
//   C = offset + unit·C'        ε = unit·ε'        x = centre + scale·x'
//
// A balanced problem with a given cost is solved in units of the costs' range. All else keeps its own units, unless
// they are so large or small that squares, or the potentials of costs, would leave float32.
import { massesOf } from "./check";
import { boundOf, centreOf, scaleOf } from "./scale";
import type { OtSettings } from "./settings";
import { hasFeatures, type FeatureProblem, type OtProblem } from "./types";

export interface Units {
  readonly offset: number;
  readonly unit: number;
  /** ε': > 0, or < 0 relative to the mean of C' that the GPU finds. */
  readonly epsilon: number;
  /** ε as asked, or less its ratio to the mean cost, where ε' is less: no larger ε' changes a plan in float32. */
  readonly beyond?: number;
  readonly features?: FeatureUnits;
  /** Where f starts, in the problem's own units. */
  readonly warm?: Float64Array | undefined;
}

interface FeatureUnits {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** A gradient in the features is this times the one in x' (or y'), row by row. */
  readonly perRowX: (row: number) => number;
  readonly perRowY: (row: number) => number;
}

/** Beyond 10¹⁵ times the costs, C/ε is under the last digit of log ab by far. */
const MOST = 1e15;
/** Sizes that need no other units: potentials of such costs are far from float32's ends. */
const ORDINARY = 2 ** 60;
const isOrdinary = (x: number): boolean => x >= 1 / ORDINARY && x <= ORDINARY;
const powerOf2 = (x: number): number => 2 ** Math.round(Math.log2(x));

/**
 * @param given ε in place of the settings', absolute.
 */
export function unitsOf(p: OtProblem, s: OtSettings, given?: number): Units {
  const [a, b] = [massesOf(p.a, p.n, s), massesOf(p.b, p.m, s)];
  if (hasFeatures(p)) return featureUnits(p, a, s, given);
  const { low, high, unavoidable, epsilon: own } = scaleOf(p, a, b, s);
  const eps = given ?? own;
  const balanced = s.scheme === "log" && s.tauA === null && s.tauB === null;
  const size = balanced ? high - low : Math.max(Math.abs(low), Math.abs(high));
  const unit = balanced ? unitFor(size, eps) : looseUnit(size, eps, s);
  const warm = warmStart(p.f, a, s, eps, { range: high - low, low, unavoidable });
  return { offset: balanced ? low : 0, unit, ...reachable(eps, unit, size, s), warm };
}

/** The range itself; where ε is nothing beside it, less, so that ε stays far from float32's lower end. */
function unitFor(range: number, eps: number): number {
  if (!(range > 0)) return eps; // equal costs: every ε gives the same plan
  return eps >= 1e-12 * range ? range : range / ORDINARY;
}

/** 1 wherever that will do: τ and the costs' place stay as they are. */
function looseUnit(size: number, eps: number, s: OtSettings): number {
  const sizes = [size, eps, s.tauA ?? 0, s.tauB ?? 0].filter((x) => x > 0);
  if (sizes.every(isOrdinary)) return 1;
  return powerOf2(unitFor(size, eps));
}

/** ε in these units, as far as it makes a difference. */
function reachable(eps: number, unit: number, size: number, s: OtSettings) {
  const most = MOST * Math.max(1, size / unit, (s.tauA ?? 0) / unit, (s.tauB ?? 0) / unit);
  return eps / unit <= most ? { epsilon: eps / unit } : { epsilon: most, beyond: eps };
}

function featureUnits(
  p: FeatureProblem,
  a: ArrayLike<number>,
  s: OtSettings,
  given: number | undefined,
): Units {
  const centre = centreOf(p);
  const bound = boundOf(p, centre);
  const absolute = given ?? (s.relative ? undefined : s.epsilon);
  const scale = scaleFor(p, bound, s, absolute);
  const features = moved(p, centre, scale);
  const unit = p.kind === "sqeuclidean" ? scale ** 2 : scale;
  const warm = warmStart(p.f, a, s, absolute ?? s.epsilon * bound, {
    range: bound,
    low: 0,
    unavoidable: bound,
  });
  const rest = { offset: 0, unit, warm, ...(features ? { features } : {}) };
  if (absolute !== undefined) return { ...rest, ...reachable(absolute, unit, bound, s) };
  // A mean that is not positive says nothing; then ε is absolute, and the GPU cannot know before it has the costs.
  return s.epsilon <= MOST
    ? { ...rest, epsilon: -s.epsilon }
    : { ...rest, epsilon: -MOST, beyond: -s.epsilon };
}

/** What coordinates are divided by: a power of two, so that no digit changes. 1 unless costs or ε are out of the ordinary. */
function scaleFor(p: FeatureProblem, bound: number, s: OtSettings, absolute: number | undefined): number {
  if (p.kind === "cosine" || p.kind === "attention" || bound === 0) return 1;
  const sizes = [absolute ?? s.epsilon * bound, s.tauA ?? 0, s.tauB ?? 0].filter((x) => x > 0);
  if ([bound, ...sizes].every(isOrdinary)) return 1;
  return powerOf2(p.kind === "sqeuclidean" ? Math.sqrt(bound) : bound);
}

/** Cosines do not change with a row's length, so a row that is far too long is shortened. */
const LONG = 2 ** 40;

function moved(p: FeatureProblem, centre: Float64Array, scale: number): FeatureUnits | undefined {
  const { d, kind } = p;
  if (kind === "cosine") return shortened(p);
  if (scale === 1 && centre.every((c) => c === 0)) return undefined;
  const to = (points: ArrayLike<number>, shift: boolean) =>
    Float64Array.from(points, (value, at) => (value - (shift ? centre[at % d]! : 0)) / scale);
  const factor = kind === "sqeuclidean" ? scale : 1; // unit/scale
  const perRow = () => factor;
  return { x: to(p.x, kind !== "attention"), y: to(p.y, true), perRowX: perRow, perRowY: perRow };
}

function shortened({ x, y, d }: FeatureProblem): FeatureUnits | undefined {
  const lengths = (points: ArrayLike<number>) =>
    Float64Array.from({ length: points.length / d }, (_, row) => {
      let most = 0;
      for (let k = 0; k < d; k++) most = Math.max(most, Math.abs(points[row * d + k]!));
      return most > LONG ? powerOf2(most) : 1;
    });
  const [ofX, ofY] = [lengths(x), lengths(y)];
  if ([...ofX, ...ofY].every((length) => length === 1)) return undefined;
  const to = (points: ArrayLike<number>, of: Float64Array) =>
    Float64Array.from(points, (value, at) => value / of[Math.floor(at / d)]!);
  return { x: to(x, ofX), y: to(y, ofY), perRowX: (row) => 1 / ofX[row]!, perRowY: (row) => 1 / ofY[row]! };
}

/** Settings with the marginals' relaxation in these units, within float32. */
export function settingsIn(unit: number, s: OtSettings): OtSettings {
  const to = (tau: number | null) => (tau === null ? null : Math.min(Math.max(tau / unit, 1e-30), 1e30));
  return { ...s, tauA: to(s.tauA), tauB: to(s.tauB) };
}

/** What f may start from: nothing that no solution can have. */
const LOG_MASSES = 1000; // |log a| and |log b|, at most, and to spare

/**
 * The warm start of f, 0 where a row has no mass; undefined when it tells nothing.
 *
 * Balanced potentials of a solution lie within the costs' range and ε |log a| of one another, and a constant on all of
 * them changes nothing; relaxed ones are bounded by the first half-step over 1 − ρ_a ρ_b, as sweeps contract by that.
 * A start from beyond is no guess, and its size would take the digits of the costs with it.
 *
 * @param extent of the costs, or a bound on it: see `CostScale`.
 */
export function warmStart(
  f: ArrayLike<number> | undefined,
  a: ArrayLike<number>,
  s: OtSettings,
  eps: number,
  extent: { readonly range: number; readonly low: number; readonly unavoidable: number },
): Float64Array | undefined {
  if (!f || s.scheme !== "log") return undefined;
  const start = Float64Array.from(f, (x, i) => (a[i]! > 0 && x > -1e30 ? x : 0));
  const live = start.filter((_, i) => a[i]! > 0 && f[i]! > -1e30);
  const [low, high] = [
    live.reduce((t, x) => Math.min(t, x), Infinity),
    live.reduce((t, x) => Math.max(t, x), -Infinity),
  ];
  if (low > high) return undefined;
  const rho = (tau: number | null) => (tau === null ? 1 : tau / (tau + eps));
  const left = 1 - rho(s.tauA) * rho(s.tauB);
  const size = Math.max(Math.abs(extent.low), Math.abs(extent.low + extent.unavoidable));
  if (left > 0) return Math.max(-low, high) <= (2 * (size + LOG_MASSES * eps)) / left ? start : undefined;
  const unavoidable = extent.unavoidable + LOG_MASSES * eps; // forbidden cells do not make a guess of their size a good one
  const reach = Math.min(4 * extent.range + LOG_MASSES * eps, 1e4 * unavoidable);
  if (high - low > reach) return undefined;
  if (Math.max(-low, high) <= reach) return start;
  return start.map((x, i) => (a[i]! > 0 && f[i]! > -1e30 ? x - high : 0));
}

// Is this a transport problem? Every complaint names the problem and the field.
import { COST_KINDS } from "../config/transport";
import { boundOf, centreOf, radiusOf, scaleOf } from "./scale";
import { LEAST_RATIO, MAX_SIDE, type OtSettings } from "./settings";
import { hasFeatures, type OtOptions, type OtProblem } from "./types";

export class OtInputError extends Error {
  override readonly name = "OtInputError";

  /** @param problem its place in the batch, from 0; undefined when a setting is at fault. */
  constructor(
    readonly problem: number | undefined,
    readonly field: string,
    detail: string,
  ) {
    super(`${problem === undefined ? "" : `problem ${problem}: `}${field}: ${detail}`);
  }
}

/** Features and costs beyond this overflow when squared in float32. */
const LARGEST = 1e18;
/** How far masses may be from one in total; what is left is normalized away. */
const MASS_SLACK = 1e-4;

/** @throws OtInputError for the first thing that is wrong. */
export function checkProblem(p: OtProblem, index: number, settings: OtSettings, options: OtOptions): void {
  const fail = (field: string, detail: string): never => {
    throw new OtInputError(index, field, detail);
  };
  const side = (name: string, size: number) => {
    if (!Number.isInteger(size) || size < 1) fail(name, `expected at least one, got ${size}`);
    if (size > MAX_SIDE) fail(name, `at most ${MAX_SIDE}, got ${size}`);
  };
  const numbers = (field: string, x: ArrayLike<number>, length: number, largest: number) => {
    if (x.length !== length) fail(field, `expected ${length} numbers, got ${x.length}`);
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(x[i])) fail(field, `expected finite numbers, got ${x[i]} at ${i}`);
      if (Math.abs(x[i]!) > largest) fail(field, `${x[i]} at ${i} is too large for float32 arithmetic`);
    }
  };
  const field = hasFeatures(p) ? ["x", "y"] : ["cost", "cost"];
  side(field[0]!, p.n); // a pair
  side(field[1]!, p.m);
  if (hasFeatures(p)) {
    if (!COST_KINDS.includes(p.kind))
      fail("kind", `expected one of ${COST_KINDS.join(", ")}, got ${JSON.stringify(p.kind)}`);
    if (!Number.isInteger(p.d) || p.d < 1) fail("x", `expected features of width 1 or more, got ${p.d}`);
    numbers("x", p.x, p.n * p.d, LARGEST);
    numbers("y", p.y, p.m * p.d, LARGEST);
  } else numbers("cost", p.cost, p.n * p.m, Number.MAX_VALUE / 1e7);
  if (p.f) numbers("f", p.f, p.n, Infinity);
  const balanced = settings.tauA === null && settings.tauB === null;
  if (p.a) checkMasses("a", p.a, p.n, balanced, fail);
  if (p.b) checkMasses("b", p.b, p.m, balanced, fail);
  checkScale(p, settings, fail);
  if (!options.divergence) return;
  if (!hasFeatures(p))
    fail("divergence", "needs features x and y; a cost matrix does not say what x against x costs");
  else if (p.kind === "attention")
    fail(
      "divergence",
      "has no meaning for attention: that cost is not symmetric, and x against x does not cost 0",
    );
}

/** The total of relaxed masses, at most; at least one part in as many. */
const LARGEST_MASS = 1e36;
/** Products of features, before they are divided by √d, stay below this. */
const LARGEST_SCORE = 1e38;
/** (f + g − C)/ε must not leave float32. */
const LARGEST_QUOTIENT = 1e36;

/** Is ε something beside the costs, and can their quotient be written in float32? */
function checkScale(p: OtProblem, s: OtSettings, fail: (field: string, detail: string) => never): void {
  if (hasFeatures(p) && p.kind === "attention") {
    const score = radiusOf(p.x, p.d, new Float64Array(p.d)) * radiusOf(p.y, p.d, centreOf(p));
    if (score > LARGEST_SCORE)
      fail(
        "x",
        `attention scores reach ${score.toPrecision(2)}, too large for float32; scale the features down`,
      );
  }
  if (s.scheme !== "log") return; // the published loop loses its mass at small ε, and says so
  const { epsilon, range, unavoidable } = scaleBeside(p, s);
  const field = hasFeatures(p) ? "x" : "cost";
  const least = Math.max(LEAST_RATIO * unavoidable, range / LARGEST_QUOTIENT);
  if (epsilon < least)
    fail(
      field,
      `epsilon is ${epsilon} beside costs that ${epsilon < LEAST_RATIO * unavoidable ? `no plan avoids, of ${unavoidable.toPrecision(3)}` : `span ${range.toPrecision(3)}`}: ` +
        `no arithmetic here tells it from 0. It must be at least ${least.toPrecision(3)}`,
    );
}

function scaleBeside(p: OtProblem, s: OtSettings) {
  // Where both marginals may be missed, no potential needs to be much larger than τ.
  const most = s.tauA !== null && s.tauB !== null ? 100 * (s.tauA + s.tauB) : Infinity;
  if (hasFeatures(p)) {
    const bound = boundOf(p);
    const epsilon = s.relative ? Infinity : s.epsilon; // relative: checkSettings knows
    return { epsilon, range: bound, unavoidable: Math.min(bound, most) };
  }
  const { low, high, unavoidable, epsilon } = scaleOf(p, massesOf(p.a, p.n, s), massesOf(p.b, p.m, s), s);
  return { epsilon, range: high - low, unavoidable: Math.min(unavoidable, most) };
}

function checkMasses(
  field: string,
  mass: ArrayLike<number>,
  length: number,
  balanced: boolean,
  fail: (field: string, detail: string) => never,
): void {
  if (mass.length !== length) fail(field, `expected ${length} masses, got ${mass.length}`);
  let total = 0;
  for (let i = 0; i < length; i++) {
    const x = mass[i]!;
    if (!Number.isFinite(x)) fail(field, `expected finite masses, got ${x} at ${i}`);
    if (x < 0) fail(field, `a mass cannot be negative, got ${x} at ${i}`);
    total += x;
  }
  if (!(total > 0)) fail(field, "all masses are zero");
  if (!balanced && !(total >= 1 / LARGEST_MASS && total <= LARGEST_MASS))
    fail(field, `masses sum to ${total}; float32 takes sums from ${1 / LARGEST_MASS} to ${LARGEST_MASS}`);
  if (balanced && Math.abs(total - 1) > MASS_SLACK) fail(field, `masses must sum to 1, they sum to ${total}`);
}

/** The masses as used: uniform by default; balanced ones sum to exactly one. */
export function massesOf(
  given: ArrayLike<number> | undefined,
  length: number,
  settings: OtSettings,
): Float64Array {
  if (!given) return new Float64Array(length).fill(1 / length);
  const mass = Float64Array.from(given);
  if (settings.tauA !== null || settings.tauB !== null) return mass;
  const total = mass.reduce((sum, x) => sum + x, 0);
  return mass.map((x) => x / total);
}

// One record of a plan, whoever made it: two lines of tokens with their bytes, the mass and the cost of every pair, the
// masses that were asked for, epsilon, and the solver's report. Everything that is drawn or read off a plan starts here.

export type Side = "student" | "teacher";

/** One side's tokens, as they stand in the text. */
export interface Tokens {
  /** Printed form: ␣ for a space, ⟨E2⟩ for a byte that is no whole character. */
  readonly texts: readonly string[];
  /** Token i covers the bytes [start, end) of its text. */
  readonly start: ArrayLike<number>;
  readonly end: ArrayLike<number>;
  readonly ids?: readonly number[];
}

/** What the solver said of its answer. */
export interface PlanReport {
  /** ⟨P, C⟩. */
  readonly transportCost: number;
  /** −Σ P log P in nats. */
  readonly entropy: number;
  /** L1 distance of both marginals from the tokens' masses: an error where they must be kept, a price where not. */
  readonly marginalError: number;
  readonly sweeps: number;
  /** Undefined while the iteration is shown before its last sweep. */
  readonly converged: boolean | undefined;
  /** Largest |P / (a·bᵀ) − 1|: 0 when the plan says nothing. */
  readonly maxDeviation?: number | undefined;
  /** ‖gradient of the transport term‖ / ‖gradient of the cross entropy‖. */
  readonly gradientRatio?: number | undefined;
}

/** n student tokens in rows, m teacher tokens in columns; matrices are [n, m] row-major. */
export interface Plan {
  readonly student: Tokens;
  readonly teacher: Tokens;
  /** P: how much of each student token's mass goes to each teacher token. */
  readonly mass: Float32Array;
  /** C. */
  readonly cost: Float32Array;
  /** a and b: what every token weighs; each side sums to 1. */
  readonly weights: Readonly<Record<Side, Float64Array>>;
  /** f and g of P = exp((f + g − C) / ε), where they are known. */
  readonly potentials?: Readonly<Record<Side, Float32Array>> | undefined;
  readonly epsilon: number;
  /** Mass may stay unmoved, at a price. */
  readonly relaxed: boolean;
  readonly report: PlanReport;
}

/** The letters of P = exp((f + g − C) / ε). */
export type Term = "P" | "f" | "g" | "C" | "ε";

/** What is pointed at: a token, a pair, and perhaps one term of its formula. */
export interface Selection {
  readonly student: number | undefined;
  readonly teacher: number | undefined;
  readonly term?: Term;
}
export const NOTHING: Selection = { student: undefined, teacher: undefined };

export interface Flow {
  readonly row: number;
  readonly col: number;
  readonly mass: number;
}

export const sizeOf = ({ student, teacher }: Plan): readonly [n: number, m: number] => [
  student.texts.length,
  teacher.texts.length,
];

/** What can be read off the masses alone. */
export interface PlanFacts {
  readonly largest: number;
  readonly mass: number;
  /** P1 and Pᵀ1. */
  readonly sums: Readonly<Record<Side, Float64Array>>;
  /** Share of each token's mass that the plan moves. */
  readonly moved: Readonly<Record<Side, Float64Array>>;
  /** See `sharpnessOf`. */
  readonly sharpness: number;
}

const known = new WeakMap<Plan, PlanFacts>();

/** Read once a plan, however often it is asked for. */
export function planFacts(plan: Plan): PlanFacts {
  const before = known.get(plan);
  if (before) return before;
  const { mass: P, weights } = plan;
  const [n, m] = sizeOf(plan);
  const sums = { student: new Float64Array(n), teacher: new Float64Array(m) };
  let [largest, mass] = [0, 0];
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j < m; j++, at++) {
      const p = P[at] ?? 0;
      if (!(p > 0)) continue;
      if (p > largest) largest = p;
      mass += p;
      sums.student[i]! += p; // i < n and j < m by construction
      sums.teacher[j]! += p;
    }
  const share = (side: Side) =>
    sums[side].map((x, i) => ((weights[side][i] ?? 0) > 0 ? x / weights[side][i]! : 1));
  const moved = { student: share("student"), teacher: share("teacher") };
  const facts = { largest, mass, sums, moved, sharpness: sharpnessOf(P, sums) };
  known.set(plan, facts);
  return facts;
}

/**
 * Sharpness: the normalized mutual information of the two sides, (H(P1) + H(Pᵀ1) − H(P)) / min(H(P1), H(Pᵀ1)) of the
 * plan scaled to mass 1. 0 for the product of the marginals, which says nothing; 1 when one side tells the other.
 */
function sharpnessOf(P: Float32Array, { student, teacher }: PlanFacts["sums"]): number {
  const mass = student.reduce((sum, x) => sum + x, 0);
  if (!(mass > 0)) return 0;
  const entropyOf = (masses: Float64Array | Float32Array) => {
    let h = 0;
    for (const x of masses) if (x > 0) h -= (x / mass) * Math.log(x / mass);
    return h;
  };
  const [h, k] = [entropyOf(student), entropyOf(teacher)];
  const most = Math.min(h, k);
  if (!(most > 0)) return 1;
  return Math.min(1, Math.max(0, (h + k - entropyOf(P)) / most));
}

/** ⟨P, C⟩, entropy and marginal error of masses that no solver reported on, such as those between two sweeps. */
export function measure(
  P: Float32Array,
  cost: Float32Array,
  { student: a, teacher: b }: Plan["weights"],
): Pick<PlanReport, "transportCost" | "entropy" | "marginalError"> {
  let [transportCost, entropy] = [0, 0];
  const rows = Float64Array.from(a, (x) => -x);
  const cols = Float64Array.from(b, (x) => -x);
  for (let i = 0, at = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++, at++) {
      const p = P[at] ?? 0;
      if (!(p > 0)) continue;
      transportCost += p * (cost[at] ?? 0);
      entropy -= p * Math.log(p);
      rows[i]! += p;
      cols[j]! += p;
    }
  const off = (masses: Float64Array) => masses.reduce((sum, x) => sum + Math.abs(x), 0);
  return { transportCost, entropy, marginalError: off(rows) + off(cols) };
}

/** A pair's mass and cost, and the share of the student token's mass that goes to this teacher token. */
export function flowAt(plan: Plan, row: number, col: number): Flow & { cost: number; rowShare: number } {
  const at = row * plan.teacher.texts.length + col;
  const mass = plan.mass[at] ?? 0;
  const whole = planFacts(plan).sums.student[row] ?? 0;
  return { row, col, mass, cost: plan.cost[at] ?? Number.NaN, rowShare: whole > 0 ? mass / whole : 0 };
}

/** The `count` heaviest pairs, heaviest first; ties keep reading order. */
export function topFlows(plan: Plan, count: number): ReturnType<typeof flowAt>[] {
  const cols = plan.teacher.texts.length;
  return Array.from(plan.mass, (mass, index) => ({ mass, index }))
    .sort((a, b) => b.mass - a.mass || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => flowAt(plan, Math.floor(index / cols), index % cols));
}

/** Epsilon in units of the mean cost. */
export const relativeEpsilon = ({ epsilon, cost }: Plan): number =>
  epsilon / (cost.reduce((sum, c) => sum + c, 0) / cost.length);

const BYTE = /⟨[0-9A-F]{2}⟩/g;
const utf8 = new TextEncoder();

/** Tokens of which only the printed form is known: their bytes follow from it, one after the other. */
export function tokensFromTexts(texts: readonly string[]): Tokens {
  const end: number[] = [];
  for (const text of texts) {
    const plain = text.replaceAll(BYTE, "?").replaceAll(/[␣↵␍⇥]/g, " ");
    end.push((end.at(-1) ?? 0) + Math.max(1, utf8.encode(plain).length));
  }
  return { texts, start: end.map((_, i) => end[i - 1] ?? 0), end };
}

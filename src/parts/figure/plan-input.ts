// A plan as callers have it, as the record that is drawn.
import { measure, type Plan, type Side, type Tokens, tokensFromTexts } from "../../figure/plan";

/** Lists of rows (arrays or typed arrays), or all entries row by row with `n` and `m` beside them. */
export type Matrix = readonly ArrayLike<number>[] | ArrayLike<number>;

/** Texts; or tokens with the bytes that they cover, as couplet/spans gives them. */
export type Labels =
  | readonly string[]
  | {
      readonly texts: readonly string[];
      readonly starts: ArrayLike<number>;
      readonly ends: ArrayLike<number>;
    };

/** A solution of couplet/ot is one: `{ ...solution, student, teacher }`. */
export interface PlanInput {
  /** Masses, n×m, all ≥ 0. */
  readonly plan: Matrix;
  readonly n?: number;
  readonly m?: number;
  /** What the rows are; default their numbers. */
  readonly student?: Labels;
  /** What the columns are. */
  readonly teacher?: Labels;
  /** C, n×m: shown for the pair that is pointed at. */
  readonly costs?: Matrix;
  /** What rows and columns should sum to; default what they do. */
  readonly a?: ArrayLike<number>;
  readonly b?: ArrayLike<number>;
  readonly epsilon?: number;
}

/** @throws RangeError naming the field that is wrong. */
export function planOf(input: PlanInput): Plan {
  const { values: mass, n, m } = matrix("plan", input.plan, input.n, input.m);
  mass.forEach((p, at) => {
    if (!(p >= 0 && p < Infinity))
      throw new RangeError(`plan: masses are finite and ≥ 0, got ${p} at (${Math.floor(at / m)}, ${at % m})`);
  });
  const costs = input.costs === undefined ? undefined : matrix("costs", input.costs, n, m);
  if (costs && (costs.n !== n || costs.m !== m))
    throw new RangeError(`costs: expected ${n}×${m} as the plan has, got ${costs.n}×${costs.m}`);
  const cost = costs?.values ?? new Float32Array(mass.length).fill(Number.NaN);
  const sums = { student: new Float64Array(n), teacher: new Float64Array(m) };
  mass.forEach((p, at) => {
    sums.student[Math.floor(at / m)]! += p; // at < n·m
    sums.teacher[at % m]! += p;
  });
  const weights = {
    student: input.a ? masses("a", input.a, n) : sums.student,
    teacher: input.b ? masses("b", input.b, m) : sums.teacher,
  };
  return {
    student: tokensOf("student", input.student, n),
    teacher: tokensOf("teacher", input.teacher, m),
    ...{ mass, cost, weights, epsilon: input.epsilon ?? 0, relaxed: false },
    report: { ...measure(mass, cost, weights), sweeps: 0, converged: undefined },
  };
}

function matrix(field: string, given: Matrix, rows?: number, cols?: number) {
  const isList = (x: unknown): x is ArrayLike<unknown> =>
    Array.isArray(x) || (ArrayBuffer.isView(x) && "length" in x);
  if (!isList(given) || given.length === 0)
    throw new RangeError(`${field}: expected a matrix with at least one row`);
  if (isList(given[0])) {
    const list = given as readonly ArrayLike<number>[]; // its rows are lists
    const m = list[0]?.length ?? 0;
    const ragged = list.findIndex((row) => !isList(row) || row.length !== m);
    if (m === 0 || ragged >= 0)
      throw new RangeError(
        `${field}: row ${Math.max(0, ragged)} holds ${list[Math.max(0, ragged)]?.length} numbers, row 0 ${m}`,
      );
    return { values: Float32Array.from(list.flatMap((row) => Array.from(row))), n: list.length, m };
  }
  const flat = given as ArrayLike<number>;
  const [n, m] = [rows ?? 0, cols ?? 0];
  if (!(n > 0 && m > 0 && n * m === flat.length))
    throw new RangeError(
      `${field}: ${flat.length} numbers are no matrix of n = ${rows ?? "?"} rows and m = ${cols ?? "?"} columns; give n and m, or lists of rows`,
    );
  return { values: Float32Array.from(flat), n, m };
}

function masses(field: string, given: ArrayLike<number>, length: number): Float64Array {
  if (given.length !== length)
    throw new RangeError(`${field}: expected ${length} masses, got ${given.length}`);
  return Float64Array.from(given);
}

function tokensOf(side: Side, labels: Labels | undefined, length: number): Tokens {
  const texts =
    labels === undefined
      ? Array.from({ length }, (_, i) => String(i))
      : "texts" in labels
        ? labels.texts
        : labels;
  if (texts.length !== length)
    throw new RangeError(
      `${side}: the plan has ${length} ${side === "student" ? "rows" : "columns"}, got ${texts.length} labels`,
    );
  const printed = texts.map(visible);
  if (labels === undefined || !("texts" in labels)) return tokensFromTexts(printed);
  if (labels.starts.length !== length || labels.ends.length !== length)
    throw new RangeError(
      `${side}: expected ${length} starts and ends, got ${labels.starts.length} and ${labels.ends.length}`,
    );
  return { texts: printed, start: labels.starts, end: labels.ends };
}

/** Spaces at either end, and line breaks, would not be seen. */
const visible = (text: string): string =>
  text
    .replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length))
    .replaceAll("\n", "↵")
    .replaceAll("\r", "␍")
    .replaceAll("\t", "⇥");

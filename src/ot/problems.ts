// The ragged batch: where each problem's parts lie in the flat buffers. The WGSL side is shaders/ot/problem.wgsl.
import { MAX_SIDE } from "./settings";

/** The most a recorded program can hold; sizes may change within it at every run. */
export interface OtCapacity {
  readonly problems: number;
  /** Rows of one problem, at most. */
  readonly maxRows: number;
  readonly maxCols: number;
  /** Elements of all matrices together: Σ n·⌈m/4⌉·4 (see `costElements`). */
  readonly costElements: number;
  /** Σ n and Σ m. */
  readonly rows: number;
  readonly cols: number;
}

export interface ProblemSize {
  /** First row in x, and how many. */
  readonly xOffset: number;
  readonly n: number;
  /** First row in y, and how many. */
  readonly yOffset: number;
  readonly m: number;
}

/** Where a problem lies: matrix element (i, j) at cost + i·pitch + j; vector entries at f + i and g + j. */
export interface Placed extends ProblemSize {
  readonly cost: number;
  readonly f: number;
  readonly g: number;
  readonly pitch: number;
}

/** A range of the problem table: what one call works on. */
export interface ProblemRange {
  readonly first: number;
  readonly count: number;
}

export const PROBLEM_WORDS = 8;

/** Matrix rows begin at multiples of four elements. */
export const pitchOf = (m: number): number => Math.ceil(m / 4) * 4;

/** Matrix elements that a problem takes. */
export const costElements = (n: number, m: number): number => n * pitchOf(m);

/** Length of the vectors (marginals, potentials): all rows, then all columns, each problem's padded like its pitch. */
export const vectorLength = (c: OtCapacity): number => c.rows + c.cols + 3 * c.problems;

/** The smallest capacity that holds these sizes. */
export function capacityFor(sizes: readonly { readonly n: number; readonly m: number }[]): OtCapacity {
  const sum = (of: (s: { n: number; m: number }) => number) => sizes.reduce((total, s) => total + of(s), 0);
  return {
    problems: sizes.length,
    maxRows: Math.max(1, ...sizes.map((s) => s.n)),
    maxCols: Math.max(1, ...sizes.map((s) => s.m)),
    costElements: Math.max(
      4,
      sum((s) => costElements(s.n, s.m)),
    ),
    rows: Math.max(
      1,
      sum((s) => s.n),
    ),
    cols: Math.max(
      1,
      sum((s) => s.m),
    ),
  };
}

/** Lay problems out one after the other. @throws RangeError naming what exceeds the capacity. */
export function placeProblems(sizes: readonly ProblemSize[], capacity: OtCapacity): Placed[] {
  within("problems", sizes.length, capacity.problems);
  let cost = 0;
  let rows = 0;
  let cols = 0;
  let padded = 0;
  const placed = sizes.map((s, p): Placed => {
    within(`problem ${p}: rows`, s.n, Math.min(capacity.maxRows, MAX_SIDE));
    within(`problem ${p}: columns`, s.m, Math.min(capacity.maxCols, MAX_SIDE));
    const at = { ...s, cost, f: rows, g: capacity.rows + padded, pitch: pitchOf(s.m) };
    cost += costElements(s.n, s.m);
    rows += s.n;
    cols += s.m;
    padded += pitchOf(s.m);
    return at;
  });
  within("cost elements", cost, capacity.costElements);
  within("rows", rows, capacity.rows);
  within("columns", cols, capacity.cols);
  return placed;
}

/** The descriptor table u32[problems·8]. Places left over have no rows and no columns, and are skipped. */
export function packProblems(sizes: readonly ProblemSize[], capacity: OtCapacity): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(capacity.problems * PROBLEM_WORDS);
  placeProblems(sizes, capacity).forEach((p, i) =>
    words.set([p.xOffset, p.n, p.yOffset, p.m, p.cost, p.f, p.g, p.pitch], i * PROBLEM_WORDS),
  );
  return words;
}

function within(what: string, got: number, most: number): void {
  if (!(got >= 0 && got <= most)) throw new RangeError(`${what}: at most ${most}, got ${got}`);
}

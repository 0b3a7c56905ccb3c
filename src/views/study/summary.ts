// What the study found, as its script writes it (bench/study/summary.json, made by `npm run study -- tables`).

interface Interval {
  readonly seeds: readonly number[];
  /** Share of right answers of the one minus that of the other, one a seed. */
  readonly each: readonly number[];
  readonly mean: number;
  /** 95 %, percentiles of a bootstrap over seeds and questions. */
  readonly bootstrap: readonly [low: number, high: number];
  /** 95 % of Student's t over the seeds; none for a single seed. */
  readonly student?: readonly [low: number, high: number] | undefined;
}

export interface StudyCell {
  readonly id: string;
  readonly title: string;
  readonly pair: string;
  readonly regime: string;
  /** Of Distill: opens the cell's config. */
  readonly link: string;
}

export interface CellSummary extends StudyCell {
  readonly seeds: readonly number[];
  /** Shares of right answers, one a seed, from 0 to 1. */
  readonly each: readonly number[];
  readonly mean: number;
  /** Mean cross entropy of the last tenth of the steps, on the rows as they were trained on, without its weight in the loss. */
  readonly crossEntropy: number;
}

export interface ComparisonSummary extends Interval {
  readonly cell: string;
  readonly against: string;
  readonly primary: boolean;
  /** The same by the independent program, where it was run. */
  readonly pytorch?: Interval | undefined;
}

export interface StudySummary {
  readonly steps: number;
  readonly seeds: readonly number[];
  readonly questions: number;
  readonly pairs: Readonly<Record<string, string>>;
  readonly regimes: Readonly<Record<string, string>>;
  readonly cells: readonly CellSummary[];
  readonly pytorch: readonly CellSummary[];
  readonly comparisons: readonly ComparisonSummary[];
  /** Cells that have no result yet. */
  readonly missing: readonly StudyCell[];
}

/** "+11.2": a difference of shares in points. */
export const points = (value: number): string =>
  `${value < 0 ? "−" : "+"}${(100 * Math.abs(value)).toFixed(1)}`;

export const interval = (range: readonly [number, number] | undefined): string =>
  range ? `${points(range[0])} to ${points(range[1])}` : "–";

/** Whether an interval excludes 0. */
export const excludesZero = ([low, high]: readonly [number, number]): boolean => low > 0 || high < 0;

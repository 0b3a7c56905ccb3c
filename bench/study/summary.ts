// From results to what is shown: one record that docs/STUDY.md, the figure and the page's Study screen are made from.
import { cellConfig, type CellResult, resultsOf, studyPlan } from "./plan";
import { type Difference, difference, type Share, shareOfRuns } from "./statistics";

interface CellSummary extends Share {
  readonly id: string;
  readonly title: string;
  readonly pair: string;
  readonly regime: string;
  /** Mean cross entropy of the last tenth of the steps, on the rows as they were trained on, without its weight in the loss. */
  readonly crossEntropy: number;
}

export interface ComparisonSummary extends Difference {
  readonly cell: string;
  readonly against: string;
  readonly primary: boolean;
  /** The same by the independent program, where it was run. */
  readonly pytorch: Difference | undefined;
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
  /** Ids of cells that have no result yet. */
  readonly missing: readonly string[];
}

/** "far-noisy50-alm-word-ends" → far, noisy50. */
const partsOf = (id: string): readonly [pair: string, regime: string] => {
  const [pair = "", regime = ""] = id.split("-");
  return [pair, regime];
};

export function summarize(of: (cell: string) => readonly CellResult[] = resultsOf): StudySummary {
  const { steps, seeds, cells, pairs, regimes, comparisons } = studyPlan();
  /** The plan's own seeds alone: a reader's other seeds are theirs to compare. */
  const runsOf = (cell: string) =>
    of(cell)
      .filter(({ seed }) => seeds.includes(seed))
      .toSorted((a, b) => a.seed - b.seed);
  const cellOf = (id: string, title: string, runs: readonly CellResult[]): CellSummary => {
    const [pair, regime] = partsOf(id);
    const { method } = cellConfig(id, 0);
    const weight = "kdRate" in method ? 1 - method.kdRate : 1;
    const of = ({ engine, crossEntropy }: CellResult) =>
      crossEntropy.last / (engine === "couplet" ? weight : 1);
    const last = runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
    return { id, title, pair, regime, ...shareOfRuns(runs), crossEntropy: last };
  };
  const summaries = (suffix: string) =>
    cells.flatMap(({ id, title }) => {
      const runs = runsOf(`${id}${suffix}`);
      return runs.length > 0 ? [cellOf(id, title, runs)] : [];
    });
  const engine = summaries("");
  return {
    ...{ steps, seeds, pairs, regimes },
    questions: cells.flatMap(({ id }) => runsOf(id))[0]?.right.length ?? 0,
    cells: engine,
    pytorch: summaries(".pytorch"),
    comparisons: comparisons.flatMap(({ cell, against, primary = false }): ComparisonSummary[] => {
      const found = difference(runsOf(cell), runsOf(against));
      const pytorch = difference(runsOf(`${cell}.pytorch`), runsOf(`${against}.pytorch`));
      return found ? [{ cell, against, primary, ...found, pytorch }] : [];
    }),
    missing: cells.filter(({ id }) => !engine.some((one) => one.id === id)).map(({ id }) => id),
  };
}

/** As it stands in bench/study/summary.json: shares to a tenth of a per cent and no more than that. */
export const summaryText = (summary: StudySummary): string =>
  `${JSON.stringify(summary, (_, value: unknown) => (typeof value === "number" ? rounded(value) : value), 1)}\n`;

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;

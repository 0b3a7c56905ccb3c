// From results to what is shown: one record that docs/STUDY.md, the figure and the page's Study screen are made from.
import { cellConfig, type CellResult, resultsOf, studyPlan } from "./plan";
import { draftFor } from "../../src/store/draft";
import { linkOf } from "../../src/store/run-link";
import type { CellSummary, ComparisonSummary, StudyCell, StudySummary } from "../../src/views/study/summary";
import { difference, shareOfRuns } from "./statistics";

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
  const placeOf = (id: string, title: string): StudyCell => {
    const [pair, regime] = partsOf(id);
    return { id, title, pair, regime, link: linkOf(draftFor(cellConfig(id, seeds[0] ?? 0))) ?? "" };
  };
  const cellOf = (id: string, title: string, runs: readonly CellResult[]): CellSummary => {
    const { method } = cellConfig(id, 0);
    const weight = "kdRate" in method ? 1 - method.kdRate : 1;
    const of = ({ engine, crossEntropy }: CellResult) =>
      crossEntropy.last / (engine === "couplet" ? weight : 1);
    const last = runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
    return { ...placeOf(id, title), ...shareOfRuns(runs), crossEntropy: last };
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
    missing: cells
      .filter(({ id }) => !engine.some((one) => one.id === id))
      .map(({ id, title }) => placeOf(id, title)),
  };
}

/** As it stands in bench/study/summary.json: shares to a tenth of a per cent and no more than that. */
export const summaryText = (summary: StudySummary): string =>
  `${JSON.stringify(summary, (_, value: unknown) => (typeof value === "number" ? rounded(value) : value), 1)}\n`;

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;

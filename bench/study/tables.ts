// The tables of docs/STUDY.md, and its figure, from the summary alone.
import { PALETTES } from "../../src/figure";
import { studyFigure } from "../../src/views/study/study-figure";
import { type ComparisonSummary, interval, points, type StudySummary } from "../../src/views/study/summary";
import { readFileSync } from "node:fs";
import { pathOf } from "./plan";
import { summarize, summaryText } from "./summary";

const [BEGIN, END] = ["<!-- results -->\n", "\n<!-- /results -->"];

/** All that follows from the results, by path: the tables in their place in docs/STUDY.md, the figure, the page's record. */
export function studyFiles(): Readonly<Record<string, string>> {
  const summary = summarize();
  const text = readFileSync(pathOf("docs/STUDY.md"), "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error("docs/STUDY.md has lost the marks around its tables");
  return {
    "docs/STUDY.md": text.slice(0, from + BEGIN.length) + resultTables(summary) + text.slice(to),
    "docs/study.svg": studyFigure(summary, PALETTES.light),
    "bench/study/summary.json": summaryText(summary),
  };
}

const percent = (share: number): string => (100 * share).toFixed(1);
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** One table a regime and pair: cells with their shares. */
function resultTables(summary: StudySummary): string {
  const { cells, comparisons, pairs, regimes, steps, questions, missing } = summary;
  const groups = [...new Set(cells.map(({ pair, regime }) => `${pair} ${regime}`))];
  const tables = groups.map((group) => {
    const [pair = "", regime = ""] = group.split(" ");
    const rows = cells.filter((cell) => cell.pair === pair && cell.regime === regime);
    return [
      `**${regime}, ${pair} pair.** ${regimes[regime]} ${pairs[pair]}.`,
      "",
      row(["method", "seeds", "right answers (%), each seed", "mean", "cross entropy at the end"]),
      row(["---", "---", "---", "---", "---"]),
      ...rows.map(({ id, title, seeds, each, mean, crossEntropy }) =>
        row([
          `[${title}](../bench/study/cells/${id}.json)`,
          seeds.join(", "),
          each.map(percent).join(", "),
          percent(mean),
          crossEntropy.toFixed(3),
        ]),
      ),
      "",
    ].join("\n");
  });
  return [
    `Every run: ${steps} steps of 16 rows; ${questions} questions. Cross entropy is that of the rows as trained on, errors and all.`,
    "",
    ...tables,
    ...differenceTable(summary, comparisons),
    ...(missing.length > 0
      ? [
          `Not run yet: ${missing.map(({ id }) => `\`${id}\``).join(", ")} (\`npm run study\` goes on there).`,
          "",
        ]
      : []),
  ].join("\n");
}

function differenceTable(summary: StudySummary, comparisons: readonly ComparisonSummary[]): string[] {
  const nameOf = (id: string) => {
    const cell = summary.cells.find((one) => one.id === id);
    return cell ? `${cell.title} (${cell.regime}, ${cell.pair})` : id;
  };
  return [
    "**Paired differences**, in points of right answers: the same seed, rows and questions.",
    "",
    row(["comparison", "seeds", "difference", "95 %, bootstrap", "95 %, Student's t", "in PyTorch"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...comparisons.map((one) =>
      row([
        `${one.primary ? "**primary:** " : ""}${nameOf(one.cell)} − ${nameOf(one.against)}`,
        String(one.seeds.length),
        points(one.mean),
        interval(one.bootstrap),
        interval(one.student),
        one.pytorch
          ? `${points(one.pytorch.mean)} (${one.pytorch.seeds.length} ${one.pytorch.seeds.length === 1 ? "seed" : "seeds"}; ${interval(one.pytorch.bootstrap)})`
          : "–",
      ]),
    ),
    "",
  ];
}

// The tables of docs/STUDY.md, and its figure, from the summary alone.
import { figure, label, line, SANS } from "../../src/figure";
import { PALETTES } from "../../src/figure";
import { readFileSync } from "node:fs";
import { pathOf } from "./plan";
import { type ComparisonSummary, type StudySummary, summarize, summaryText } from "./summary";

const [BEGIN, END] = ["<!-- results -->\n", "\n<!-- /results -->"];

/** All that follows from the results, by path: the tables in their place in docs/STUDY.md, the figure, the page's record. */
export function studyFiles(): Readonly<Record<string, string>> {
  const summary = summarize();
  const text = readFileSync(pathOf("docs/STUDY.md"), "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error("docs/STUDY.md has lost the marks around its tables");
  return {
    "docs/STUDY.md": text.slice(0, from + BEGIN.length) + resultTables(summary) + text.slice(to),
    "docs/study.svg": differenceFigure(summary),
    "bench/study/summary.json": summaryText(summary),
  };
}

const percent = (share: number): string => (100 * share).toFixed(1);
const points = (value: number): string => `${value < 0 ? "−" : "+"}${(100 * Math.abs(value)).toFixed(1)}`;
const interval = (range: readonly [number, number] | undefined): string =>
  range ? `${points(range[0])} to ${points(range[1])}` : "–";
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
      ? [`Not run yet: ${missing.map((id) => `\`${id}\``).join(", ")} (\`npm run study\` goes on there).`, ""]
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

const [WIDTH, LEFT, ROW, TOP] = [720, 330, 26, 44];

/** Differences as dots with their bootstrap intervals, against 0. */
function differenceFigure({ cells, comparisons }: StudySummary): string {
  const colors = PALETTES.light;
  const titleOf = (id: string) => cells.find((cell) => cell.id === id)?.title ?? id;
  const ends = comparisons.flatMap(({ bootstrap }) => bootstrap);
  const most = Math.ceil((100 * Math.max(0.05, ...ends.map(Math.abs))) / 5) * 5;
  const x = (value: number) => LEFT + ((100 * value + most) / (2 * most)) * (WIDTH - LEFT - 24);
  const height = TOP + ROW * comparisons.length + 40;
  const small = `${SANS} font-size="11" fill="${colors.ink}"`;
  const tick = `${SANS} font-size="10" fill="${colors.muted}" text-anchor="middle"`;
  const bottom = TOP + ROW * comparisons.length;
  const ticks = Array.from({ length: 2 * (most / 5) + 1 }, (_, i) => i * 5 - most);
  return figure(
    { title: "Paired differences of right answers, in points", width: WIDTH, height, ground: colors.ground },
    [
      label(
        "Paired differences of right answers, in points, with 95 % intervals",
        12,
        20,
        `${SANS} font-size="13" font-weight="600" fill="${colors.ink}"`,
      ),
      ...ticks.flatMap((value) => [
        line(
          x(value / 100),
          TOP - 10,
          x(value / 100),
          bottom,
          `stroke="${value === 0 ? colors.muted : colors.rule}"`,
        ),
        label(points(value / 100).replace(".0", ""), x(value / 100), bottom + 16, tick),
      ]),
      ...comparisons.flatMap(({ cell, against, mean, bootstrap: [low, high] }, i) => {
        const y = TOP + ROW * i + 6;
        const [pair, regime] = cell.split("-");
        const certain = low > 0 || high < 0;
        const color = certain ? colors.student : colors.muted;
        return [
          label(`${titleOf(cell)} − ${titleOf(against)}`, 12, y, small),
          label(`${regime}, ${pair}`, 12, y + 11, `${SANS} font-size="9" fill="${colors.muted}"`),
          line(x(low), y, x(high), y, `stroke="${color}" stroke-width="2"`),
          `<circle cx="${x(mean).toFixed(1)}" cy="${y.toFixed(1)}" r="4" fill="${certain ? color : colors.ground}" stroke="${color}" stroke-width="2"/>`,
        ];
      }),
    ],
  );
}

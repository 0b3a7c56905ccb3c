import { useState } from "react";
import { PRESETS } from "../../config/presets";
import type { Spread, Summary } from "../../store";
import { csv, download } from "../download";
import { count, decimals, percent, significant } from "../format";
import { messages } from "../messages";
import { latexTable, markdownTable } from "./table-text";
import { TableHead } from "../figure/TableHead";

const { compare: text } = messages;

const withSpread = ({ mean, deviation }: Spread, show: (value: number) => string): string => {
  if (Number.isNaN(mean)) return "–";
  return Number.isNaN(deviation) ? show(mean) : `${show(mean)} ± ${show(deviation)}`;
};
const share = (value: number) => percent(value, 1);

const COLUMNS: readonly { readonly name: string; readonly read: (summary: Summary) => string }[] = [
  { name: text.columns.runs, read: ({ runs }) => String(runs) },
  { name: text.columns.steps, read: ({ steps }) => withSpread(steps, (n) => decimals(n, 0)) },
  { name: text.columns.accuracy, read: ({ accuracy }) => withSpread(accuracy, share) },
  { name: text.columns.scored, read: ({ scored }) => scored.map((n) => count(n)).join(", ") || "–" },
  { name: text.columns.crossEntropy, read: ({ crossEntropy }) => withSpread(crossEntropy, significant) },
  { name: text.columns.loss, read: ({ loss }) => withSpread(loss, significant) },
  { name: text.columns.seconds, read: ({ seconds }) => withSpread(seconds, (s) => decimals(s, 1)) },
];

/** With so few held-out rows one answer is over one per cent. */
const FEW = 100;

interface SummaryProps {
  readonly summaries: readonly Summary[];
  /** What was done to the labels: the first line of the table, wherever it goes. */
  readonly said: string;
}

/** Mean and deviation over the seeds; to be copied. */
export function SummaryTable({ summaries, said }: SummaryProps) {
  const [note, setNote] = useState("");
  const head = [text.columns.method, ...COLUMNS.map(({ name }) => name)];
  const rows = summaries.map((summary) => [
    PRESETS[summary.preset].title,
    ...COLUMNS.map(({ read }) => read(summary)),
  ]);
  const fewest = Math.min(...summaries.flatMap(({ scored }) => scored));
  const copy = (content: string) =>
    navigator.clipboard.writeText(content).then(
      () => setNote(messages.config.copied),
      () => setNote(messages.config.copyFailed),
    );
  return (
    <>
      <p className="said">{said}</p>
      <table className="flow-table compare-table">
        <TableHead names={head} />
        <tbody>
          {rows.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, i) =>
                i === 0 ? (
                  <th key={head[i]} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={head[i]}>{cell}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <div className="row save">
        <button
          type="button"
          className="quiet"
          onClick={() => void copy(`${said}\n\n${markdownTable([head, ...rows])}`)}
        >
          {text.copyMarkdown}
        </button>
        <button
          type="button"
          className="quiet"
          onClick={() => void copy(`% ${said}\n${latexTable([head, ...rows])}`)}
        >
          {text.copyLatex}
        </button>
        <button
          type="button"
          className="quiet"
          onClick={() =>
            download("couplet-comparison.csv", new Blob([csv([[said], head, ...rows])], { type: "text/csv" }))
          }
        >
          CSV
        </button>
        <span role="status" className="muted">
          {note}
        </span>
      </div>
      <p className="hint">
        {text.caution} {fewest < FEW && text.cautionFew(fewest)}
      </p>
    </>
  );
}

import record from "../../../bench/study/summary.json";
import { PALETTES } from "../../figure";
import { useScheme } from "../theme/use-scheme";
import { SaveFigure } from "../figure/SaveFigure";
import { count, decimals, percent } from "../format";
import { messages } from "../messages";
import { hashOf } from "../routes";
import { Panel } from "../shell/Panel";
import { type CellSummary, interval, points, type StudyCell, type StudySummary } from "./summary";
import { studyFigure } from "./study-figure";
import { TableHead } from "../figure/TableHead";

const { study: text } = messages;
const SUMMARY = record as unknown as StudySummary; // written by the study's own script; a test compares the two

/** The preregistered study: its tables and its figure, from the committed results. */
export function StudyScreen() {
  return (
    <div className="study">
      <h2>{text.title}</h2>
      <p>{text.why}</p>
      <p>{text.budget(count(SUMMARY.steps), count(SUMMARY.questions), SUMMARY.seeds.join(", "))}</p>
      <DifferencesPanel summary={SUMMARY} />
      {groupsOf(SUMMARY.cells).map(([group, cells]) => (
        <CellsPanel key={group} cells={cells} summary={SUMMARY} />
      ))}
      {SUMMARY.missing.length > 0 && <Missing cells={SUMMARY.missing} />}
    </div>
  );
}

/** Cells of one pair under one regime, in the order of the plan. */
function groupsOf(cells: readonly CellSummary[]): [string, CellSummary[]][] {
  const groups = new Map<string, CellSummary[]>();
  for (const cell of cells) {
    const key = `${cell.pair} ${cell.regime}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups];
}

const CellLink = ({ cell }: { readonly cell: StudyCell }) => (
  <a href={hashOf("distill", cell.link)}>{cell.title}</a>
);

function DifferencesPanel({ summary }: { readonly summary: StudySummary }) {
  const scheme = useScheme();
  const { cells, comparisons } = summary;
  const svg = studyFigure(summary, PALETTES[scheme]);
  const cellOf = (id: string) => cells.find((cell) => cell.id === id);
  const head = [
    text.comparison,
    text.labels,
    text.seeds,
    text.difference,
    text.bootstrap,
    text.student,
    text.pytorch,
  ];
  const rows = comparisons.map((one) => [
    `${cellOf(one.cell)?.title ?? one.cell} − ${cellOf(one.against)?.title ?? one.against}`,
    one.cell.split("-").slice(0, 2).join(" "),
    one.seeds.join(" "),
    one.mean,
    ...one.bootstrap,
  ]);
  const saved = {
    name: "couplet-study",
    svg: () => svg,
    rows: () => [[text.comparison, text.labels, text.seeds, text.difference, "2.5 %", "97.5 %"], ...rows],
  };
  return (
    <Panel title={text.differences} name="study-differences">
      <p className="said">{text.read}</p>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={text.figure}>
        {/* Our own SVG, all text in it escaped. */}
        <img
          className="study-figure"
          alt={text.figure}
          src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
        />
      </div>
      <SaveFigure of={text.figure} figure={() => saved} />
      <div className="scroll-x" tabIndex={0} role="region" aria-label={text.differences}>
        <table className="flow-table study-table">
          <TableHead names={head} />
          <tbody>
            {comparisons.map((one) => {
              const [cell, against] = [cellOf(one.cell), cellOf(one.against)];
              return (
                <tr key={`${one.cell} ${one.against}`}>
                  <th scope="row">
                    {one.primary && <b>{text.primary} </b>}
                    {cell && <CellLink cell={cell} />} − {against && <CellLink cell={against} />}
                  </th>
                  <td>{cell && text.group(cell.regime, cell.pair)}</td>
                  <td>{one.seeds.length}</td>
                  <td>{points(one.mean)}</td>
                  <td>{interval(one.bootstrap)}</td>
                  <td>{interval(one.student)}</td>
                  <td>
                    {one.pytorch ? text.inPytorch(points(one.pytorch.mean), one.pytorch.seeds.length) : "–"}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function CellsPanel({
  cells,
  summary,
}: {
  readonly cells: readonly CellSummary[];
  readonly summary: StudySummary;
}) {
  const { pair = "", regime = "" } = cells[0] ?? {};
  return (
    <Panel title={text.group(regime, pair)} name={`study-${pair}-${regime}`}>
      <p className="said">
        {summary.regimes[regime]} {summary.pairs[pair]}.
      </p>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={text.group(regime, pair)}>
        <table className="flow-table study-table">
          <TableHead names={[text.method, text.seeds, text.right, text.mean, text.crossEntropy]} />
          <tbody>
            {cells.map((cell) => (
              <tr key={cell.id}>
                <th scope="row">
                  <CellLink cell={cell} />
                </th>
                <td>{cell.seeds.join(", ")}</td>
                <td>{cell.each.map((share) => percent(share, 1)).join(", ")}</td>
                <td>{percent(cell.mean, 1)}</td>
                <td>{decimals(cell.crossEntropy, 3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Missing({ cells }: { readonly cells: readonly StudyCell[] }) {
  return (
    <Panel title={text.missing} name="study-missing">
      <p>{text.missingNote}</p>
      <ul>
        {cells.map((cell) => (
          <li key={cell.id}>
            <CellLink cell={cell} /> <span className="muted">{text.group(cell.regime, cell.pair)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

// How the loss terms are drawn: their colours and dashes, stacked to the total or one by one.
import type uPlot from "uplot";
import { type TermCard, termCard } from "../../config/run";
import type { RunHistory } from "../../store";
import { compact } from "../format";
import { columnRows } from "../../figure";
import type { Figure } from "../figure/SaveFigure";
import { messages } from "../messages";
import { termName } from "../plan/site-name";
import type { Palette } from "../../figure";
import { chartSvg } from "./chart-svg";
import type { LegendItem, Mark } from "./Legend";
import type { Line, PlotSpec } from "./plot";

/** Transport's further sites, which no card names. */
const OTHER = { color: "kd", mark: "dashed" } as const;
export const DASHES: Readonly<Partial<Record<Mark, readonly number[]>>> = {
  dotted: [2, 3],
  dashed: [7, 4],
  "dash-dot": [8, 3, 2, 3],
};

const styleOf = (term: string): Pick<TermCard, "color" | "mark"> => {
  const { color, mark } = termCard(term) ?? OTHER;
  return { color, mark };
};

export const TOTAL = "total";

/** "total = CE + OT embedding + …" */
export function lossLegend(terms: readonly string[]): LegendItem[] {
  return [
    { key: TOTAL, name: messages.losses.total, color: "ink", mark: "thick" },
    ...terms.map((term, i) => ({
      key: term,
      name: termName(term),
      ...styleOf(term),
      sign: i === 0 ? "=" : "+",
    })),
  ];
}

export function lossSpec(terms: readonly string[], stacked: boolean, palette: Palette): PlotSpec {
  const lines = terms.map((term, i): Line => {
    const { color, mark } = styleOf(term);
    const dash = DASHES[mark];
    const line = { color: palette[color], width: 1.25, ...(dash ? { dash } : {}) };
    if (!stacked) return line;
    return i === 0 ? { ...line, fillZero: true } : { ...line, fillTo: i - 1 };
  });
  const total: Line = { color: palette.ink, width: 1.75 };
  return { height: 232, log: !stacked, lines: [...lines, total], formatLeft: compact };
}

/** Steps, the terms (added up when stacked), the total. */
export function lossColumns(history: RunHistory, stacked: boolean): uPlot.AlignedData {
  const terms = history.terms.map((term) => history.term(term));
  const drawn = stacked ? cumulative(terms) : terms.map(positive);
  const total = history.column("loss");
  return [history.column("step"), ...drawn, stacked ? total : positive(total)];
}

/** The chart as a file: its numbers are the terms themselves, stacked or not. */
/** @param said what was done to the labels; empty where nothing was. */
export function lossFigure(
  history: RunHistory,
  stacked: boolean,
  palette: Palette,
  said = "",
): Figure | undefined {
  if (history.length === 0) return undefined;
  const { terms } = history;
  const { step, title, total } = messages.losses;
  const names = [...terms.map(termName), total];
  const spec = lossSpec(terms, stacked, palette);
  const columns = lossColumns(history, stacked);
  const numbers = [
    history.column("step"),
    ...terms.map((term) => history.term(term)),
    history.column("loss"),
  ];
  return {
    name: "couplet-loss",
    svg: () =>
      chartSvg({
        title: said ? `${title}. ${said}` : title,
        xTitle: step,
        spec,
        names,
        columns,
        colors: palette,
      }),
    rows: () => columnRows(["step", ...terms, "loss"], numbers),
  };
}

function cumulative(columns: readonly Float64Array[]): Float64Array[] {
  let below: Float64Array | undefined;
  return columns.map((column) => {
    const base = below;
    below = base ? column.map((value, i) => value + (base[i] ?? 0)) : column;
    return below;
  });
}

/** A log axis has no place for zero. */
const positive = (column: Float64Array): Float64Array =>
  column.map((value) => (value > 0 ? value : Number.NaN));

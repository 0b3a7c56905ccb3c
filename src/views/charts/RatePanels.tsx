import { useCallback } from "react";
import type uPlot from "uplot";
import type { RunHistory } from "../../store";
import { shownEvaluation } from "../../store";
import { compact, percent, significant } from "../format";
import { columnRows } from "../../figure";
import type { Figure } from "../figure/SaveFigure";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import type { Palette } from "../../figure";
import { useApp } from "../use-app";
import { Chart } from "./Chart";
import { chartSvg } from "./chart-svg";
import { useLegend, type LegendItem } from "./Legend";
import type { PlotSpec } from "./plot";
import { useHistory } from "./use-history";

const HEIGHT = 132;

const ACCURACY: readonly LegendItem[] = [
  { key: "tokens", name: messages.accuracy.tokens, color: "student", mark: "solid" },
  { key: "heldOut", name: messages.accuracy.heldOut, color: "ink", mark: "point" },
];
const accuracySpec = (palette: Palette): PlotSpec => ({
  height: HEIGHT,
  lines: [{ color: palette.student }, { color: palette.ink, points: true }],
  range: [0, 1],
  formatLeft: (share) => percent(share),
});

/** Held-out results stand at the step that they were measured after. */
function accuracyColumns(history: RunHistory): uPlot.AlignedData {
  const steps = history.column("step");
  const tokens = history.column("tokenAccuracy");
  const before = history.evaluations.find((e) => e.step === 0);
  const heldOut = new Map(history.evaluations.map((e) => [e.step, e.correct / e.total]));
  const shares = Array.from(steps, (step) => heldOut.get(step) ?? null);
  if (!before) return [steps, tokens, shares];
  return [
    [0, ...steps],
    [null, ...tokens],
    [before.correct / before.total, ...shares],
  ];
}

interface Drawn {
  readonly name: string;
  readonly title: string;
  readonly legend: readonly LegendItem[];
  readonly spec: (palette: Palette) => PlotSpec;
  readonly columns: (history: RunHistory) => uPlot.AlignedData;
}

/** A chart whose file holds the numbers that are drawn. */
const figureOf =
  ({ name, title, legend, spec, columns }: Drawn) =>
  (history: RunHistory, palette: Palette): Figure | undefined => {
    if (history.length === 0 && history.evaluations.length === 0) return undefined;
    const drawn = columns(history);
    const names = legend.map((item) => item.name);
    const xTitle = messages.losses.step;
    return {
      name,
      svg: () => chartSvg({ title, xTitle, spec: spec(palette), names, columns: drawn, colors: palette }),
      rows: () => columnRows([xTitle, ...names], drawn),
    };
  };

const accuracyFigure = figureOf({
  name: "couplet-accuracy",
  title: messages.accuracy.title,
  legend: ACCURACY,
  spec: accuracySpec,
  columns: accuracyColumns,
});

/** Share of right tokens in the batch, and of right answers on held-out rows. */
export function AccuracyPanel() {
  const history = useHistory();
  const evaluation = useApp(shownEvaluation);
  const [legend, write] = useLegend(ACCURACY);
  const onIndex = useCallback(
    (index: number | undefined) => {
      const shift = history.evaluations.some((e) => e.step === 0) ? 1 : 0;
      const at = index === undefined ? history.length - 1 : index - shift;
      const heldOut = index === undefined ? history.evaluations.at(-1) : nearest(history, at);
      write({
        tokens: at < 0 ? "–" : percent(history.column("tokenAccuracy")[at] ?? Number.NaN),
        heldOut: heldOut ? percent(heldOut.correct / heldOut.total) : "–",
      });
    },
    [history, write],
  );
  const aside = evaluation && (
    <span className="muted aside">
      {messages.accuracy.heldOutAt(evaluation.correct, evaluation.total, evaluation.step)}
    </span>
  );
  return (
    <Panel title={messages.accuracy.title} name="accuracy" aside={aside}>
      {legend}
      <Chart
        title={messages.accuracy.title}
        label={messages.accuracy.title}
        history={history}
        spec={accuracySpec}
        columns={accuracyColumns}
        onIndex={onIndex}
        figure={accuracyFigure}
      />
    </Panel>
  );
}

const nearest = (history: RunHistory, at: number) =>
  history.evaluations.findLast((e) => e.step <= (at < 0 ? 0 : (history.column("step")[at] ?? 0)));

const GRADIENT: readonly LegendItem[] = [
  { key: "norm", name: messages.gradient.norm, color: "ink", mark: "solid" },
  { key: "rate", name: messages.gradient.rate, color: "muted", mark: "dashed" },
];
const gradientSpec = (palette: Palette): PlotSpec => ({
  height: HEIGHT,
  lines: [{ color: palette.ink }, { color: palette.muted, dash: [7, 4], right: true }],
  formatLeft: compact,
  formatRight: compact,
});
const gradientColumns = (history: RunHistory): uPlot.AlignedData => [
  history.column("step"),
  history.column("gradNorm"),
  history.column("learningRate"),
];

const gradientFigure = figureOf({
  name: "couplet-gradient",
  title: messages.gradient.title,
  legend: GRADIENT,
  spec: gradientSpec,
  columns: gradientColumns,
});

/** The gradient's norm before clipping, and the scheduled learning rate. */
export function GradientPanel() {
  const history = useHistory();
  const [legend, write] = useLegend(GRADIENT);
  const onIndex = useCallback(
    (index: number | undefined) => {
      const at = index ?? history.length - 1;
      const read = (column: Float64Array) => (at < 0 ? "–" : significant(column[at] ?? Number.NaN));
      write({ norm: read(history.column("gradNorm")), rate: read(history.column("learningRate")) });
    },
    [history, write],
  );
  return (
    <Panel title={messages.gradient.title} name="gradient">
      {legend}
      <Chart
        title={messages.gradient.title}
        label={messages.gradient.title}
        history={history}
        spec={gradientSpec}
        columns={gradientColumns}
        onIndex={onIndex}
        figure={gradientFigure}
      />
    </Panel>
  );
}

import { useCallback, useMemo } from "react";
import type uPlot from "uplot";
import { columnRows, type Palette } from "../../figure";
import type { RunHistory } from "../../store";
import type { RolloutRecord } from "../../telemetry";
import { Chart } from "../charts/Chart";
import { chartSvg } from "../charts/chart-svg";
import { useLegend, type LegendItem } from "../charts/Legend";
import type { PlotSpec } from "../charts/plot";
import { useHistory } from "../charts/use-history";
import { compact, percent, significant } from "../format";
import { messages } from "../messages";
import { rolloutMessages } from "../messages-rollout";
import { useApp } from "../use-app";

const { curves: text } = rolloutMessages;
const HEIGHT = 112;

interface Curve extends LegendItem {
  readonly key: keyof RolloutRecord;
  /** A colour of the palette. */
  readonly ink: "ink" | "muted" | "student";
  readonly dash?: readonly number[];
}

interface Drawn {
  readonly name: string;
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly range?: readonly [number, number];
  readonly format: (value: number) => string;
}

const curve = (
  key: keyof RolloutRecord,
  name: string,
  ink: Curve["ink"],
  mark: "solid" | "dashed" | "dotted",
): Curve => {
  const dash = { solid: undefined, dashed: [7, 4], dotted: [2, 3] }[mark];
  return { key, name, ink, color: ink, mark, ...(dash && { dash }) };
};

const CHARTS: readonly Drawn[] = [
  {
    ...{ name: "couplet-rollout-nats", title: text.nats.title, format: compact },
    curves: [
      curve("advantage", text.nats.advantage, "student", "solid"),
      curve("entropy", text.nats.entropy, "ink", "dashed"),
      curve("klToStart", text.nats.kl, "muted", "dotted"),
    ],
  },
  {
    ...{ name: "couplet-rollout-shares", title: text.shares.title, range: [0, 1], format: percent },
    curves: [
      curve("signal", text.shares.signal, "student", "solid"),
      curve("truncated", text.shares.truncated, "ink", "dashed"),
    ],
  },
  {
    ...{ name: "couplet-rollout-length", title: text.length.title, format: compact },
    curves: [curve("length", text.length.length, "student", "solid")],
  },
];

/** What the student wrote, step by step. Nothing before the first step. */
export function RolloutCurves() {
  const some = useApp(({ run }) => run.last?.rollout !== undefined);
  return some ? (
    <div className="rollout-curves">
      {CHARTS.map((drawn) => (
        <Curves key={drawn.name} drawn={drawn} />
      ))}
    </div>
  ) : null;
}

function Curves({ drawn }: { readonly drawn: Drawn }) {
  const history = useHistory();
  const [legend, write] = useLegend(drawn.curves);
  const { spec, columns, figure } = useMemo(() => plotOf(drawn), [drawn]);
  const onIndex = useCallback(
    (index: number | undefined) => {
      const record = history.records[index ?? history.length - 1]?.rollout;
      write(Object.fromEntries(drawn.curves.map(({ key }) => [key, valueText(drawn, record?.[key])])));
    },
    [drawn, history, write],
  );
  return (
    <div>
      <h3>{drawn.title}</h3>
      {legend}
      <Chart {...{ title: drawn.title, label: drawn.title, history, spec, columns, onIndex, figure }} />
    </div>
  );
}

const valueText = ({ range }: Drawn, value: number | undefined): string =>
  value === undefined ? "–" : range ? percent(value) : significant(value);

function plotOf(drawn: Drawn) {
  const { curves, range, format, name, title } = drawn;
  const spec = (palette: Palette): PlotSpec => ({
    height: HEIGHT,
    lines: curves.map(({ ink, dash }) => ({ color: palette[ink], ...(dash && { dash }) })),
    ...(range && { range }),
    formatLeft: (value) => format(value),
  });
  const columns = (history: RunHistory): uPlot.AlignedData => [
    history.column("step"),
    ...curves.map(({ key }) => history.records.map(({ rollout }) => rollout?.[key] ?? null)),
  ];
  const figure = (history: RunHistory, palette: Palette) => {
    if (history.length === 0) return undefined;
    const [names, xTitle, data] = [curves.map((c) => c.name), messages.losses.step, columns(history)];
    return {
      name,
      svg: () => chartSvg({ title, xTitle, spec: spec(palette), names, columns: data, colors: palette }),
      rows: () => columnRows([xTitle, ...names], data),
    };
  };
  return { spec, columns, figure };
}

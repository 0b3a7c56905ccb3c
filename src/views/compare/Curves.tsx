import { useCallback, useMemo, useState } from "react";
import type uPlot from "uplot";
import { PRESETS } from "../../config/presets";
import { bandOf, type ComparedRun, type PresetId } from "../../store";
import { Chart, type Changing } from "../charts/Chart";
import { chartSvg } from "../charts/chart-svg";
import { useLegend, type LegendItem } from "../charts/Legend";
import { DASHES } from "../charts/loss-lines";
import type { Line, PlotSpec } from "../charts/plot";
import { columnRows } from "../../figure";
import type { Figure } from "../figure/SaveFigure";
import { compact, significant } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import type { Palette } from "../../figure";
import { useAppParts } from "../use-app";
import { lineOf, methodsOf } from "./method-lines";

const { compare: text } = messages;
type Curve = "crossEntropy" | "loss";
const CURVES = (["crossEntropy", "loss"] as const).map((value) => ({ value, text: text.curveKinds[value] }));

interface CurvesProps {
  readonly runs: readonly ComparedRun[];
  readonly curve: Curve;
  /** What was done to the labels. */
  readonly said: string;
}

/** One line a method: the mean over its seeds, within its deviation. */
export function CurvesPanel({ runs, said }: Omit<CurvesProps, "curve">) {
  const [curve, setCurve] = useState<Curve>("crossEntropy");
  const begun = runs.some(({ loss }) => loss.length > 0);
  return (
    <Panel
      title={text.curves}
      name="curves"
      aside={<Segmented label={text.curveLabel} options={CURVES} value={curve} onChange={setCurve} />}
    >
      <p className="said">{said}</p>
      {begun ? <Curves runs={runs} curve={curve} said={said} /> : <p className="empty">{text.none}</p>}
      <p className="hint">{text.curveNotes[curve]}</p>
    </Panel>
  );
}

interface Source extends Changing {
  readonly runs: () => readonly ComparedRun[];
}

function Curves({ runs, curve, said }: CurvesProps) {
  const { comparison } = useAppParts();
  const ids = methodsOf(runs).join(" ");
  const methods = useMemo(() => ids.split(" ") as PresetId[], [ids]); // joined from ids, one line above
  const source = useMemo((): Source => {
    const { store } = comparison;
    return { subscribe: (listener) => store.subscribe(listener), runs: () => store.getState().runs };
  }, [comparison]);
  const [legend, write] = useLegend(useMemo(() => legendOf(methods), [methods]));
  const spec = useCallback((palette: Palette) => specOf(methods, palette), [methods]);
  const columns = useCallback((from: Source) => columnsOf(from.runs(), methods, curve), [methods, curve]);
  const onIndex = useCallback(
    (index: number | undefined) => {
      const values = methods.map((preset) => {
        const { mean, high } = bandFor(source.runs(), preset, curve);
        const at = index ?? mean.length - 1;
        return [preset, spreadText(mean[at], high[at])] as const;
      });
      write(Object.fromEntries(values));
    },
    [methods, curve, source, write],
  );
  const title = `${text.curves}: ${text.curveKinds[curve]}`;
  const figure = (from: Source, palette: Palette): Figure => {
    const [steps = [], ...lines] = columns(from);
    const names = methods.flatMap((preset) => [PRESETS[preset].title, undefined, undefined]);
    const frame = { title: `${title}. ${said}`, xTitle: messages.losses.step, names, colors: palette };
    const head = methods.flatMap((preset) => [preset, `${preset} - sd`, `${preset} + sd`]);
    return {
      name: `couplet-compare-${curve === "loss" ? "loss" : "cross-entropy"}`,
      svg: () => chartSvg({ ...frame, spec: spec(palette), columns: [steps, ...lines] }),
      rows: () => columnRows([messages.losses.step, ...head], [steps, ...lines]),
    };
  };
  return (
    <>
      {legend}
      <Chart
        title={title}
        label={text.curvesLabel(text.curveKinds[curve], runs.length)}
        history={source}
        {...{ spec, columns, onIndex, figure }}
      />
    </>
  );
}

const bandFor = (runs: readonly ComparedRun[], preset: PresetId, curve: Curve) =>
  bandOf(runs.filter((run) => run.preset === preset && run[curve].length > 0).map((run) => run[curve]));

function spreadText(mean: number | undefined, high: number | undefined): string {
  if (mean === undefined) return "–";
  const deviation = (high ?? Number.NaN) - mean;
  return Number.isNaN(deviation) ? significant(mean) : `${significant(mean)} ± ${significant(deviation)}`;
}

const legendOf = (methods: readonly PresetId[]): LegendItem[] =>
  methods.map((preset, i) => ({ key: preset, name: PRESETS[preset].title, ...lineOf(i) }));

/** Per method: the mean, the band's lower edge, and the upper one, filled down to it. */
function specOf(methods: readonly PresetId[], palette: Palette): PlotSpec {
  const lines = methods.flatMap((_, i): Line[] => {
    const { color, mark } = lineOf(i);
    const dash = DASHES[mark];
    const edge = { color: palette[color], width: 0 };
    return [
      { color: palette[color], width: 1.75, ...(dash ? { dash } : {}) },
      edge,
      { ...edge, fillTo: 3 * i + 1 },
    ];
  });
  return { height: 260, lines, formatLeft: compact };
}

function columnsOf(
  runs: readonly ComparedRun[],
  methods: readonly PresetId[],
  curve: Curve,
): uPlot.AlignedData {
  const bands = methods.map((preset) => bandFor(runs, preset, curve));
  const steps = Math.max(0, ...bands.map(({ mean }) => mean.length));
  const drawn = (values: readonly number[]) =>
    Array.from({ length: steps }, (_, i) => (Number.isFinite(values[i]) ? (values[i] ?? null) : null));
  return [
    Array.from({ length: steps }, (_, i) => i + 1),
    ...bands.flatMap(({ mean, high, low }) => [drawn(mean), drawn(low), drawn(high)]),
  ];
}

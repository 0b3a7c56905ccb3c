// The one file that knows uPlot: a small chart of lines over training steps.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Palette } from "../../figure";
import { leftRange, rightRange, stepRange } from "./axes";

export interface Line {
  readonly color: string;
  readonly dash?: readonly number[];
  readonly width?: number;
  /** Points instead of a line. */
  readonly points?: boolean;
  readonly right?: boolean;
  /** Fill between this line and the one of this index (0 is the first line). */
  readonly fillTo?: number;
  readonly fillZero?: boolean;
}

export interface PlotSpec {
  readonly height: number;
  readonly lines: readonly Line[];
  readonly log?: boolean;
  readonly range?: readonly [number, number];
  readonly formatLeft: (value: number) => string;
  readonly formatRight?: (value: number) => string;
}

export interface Plot {
  /** Steps, then one column per line. */
  draw(columns: uPlot.AlignedData): void;
  destroy(): void;
}

const AXIS_FONT = "11px system-ui, sans-serif";
const LEFT_PX = 46;
const STEP_INCREMENTS = [1, 2, 5]
  .flatMap((n) => [0, 1, 2, 3, 4, 5].map((e) => n * 10 ** e))
  .sort((a, b) => a - b);

export function createPlot(
  host: HTMLElement,
  spec: PlotSpec,
  palette: Palette,
  onCursor: (index: number | undefined) => void,
): Plot {
  const plot = new uPlot(options(host, spec, palette, onCursor), emptyData(spec), host);
  const resize = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: spec.height }));
  resize.observe(host);
  return {
    draw: (columns) => plot.setData(columns),
    destroy() {
      resize.disconnect();
      plot.destroy();
    },
  };
}

const emptyData = (spec: PlotSpec): uPlot.AlignedData => [[], ...spec.lines.map(() => [])];

function options(
  host: HTMLElement,
  spec: PlotSpec,
  palette: Palette,
  onCursor: (index: number | undefined) => void,
): uPlot.Options {
  const right = spec.lines.some((line) => line.right);
  return {
    width: Math.max(120, host.clientWidth),
    height: spec.height,
    // Half of the last step's number stands right of the plot.
    padding: [8, right ? 0 : 20, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "steps" }, y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: false, range: (_, min, max) => stepRange(min, max) },
      y: { distr: spec.log ? 3 : 1, range: (_, min, max) => leftRange(spec, min, max) },
      right: { range: (_, min, max) => rightRange(min, max) },
    },
    axes: axes(spec, palette, right),
    series: [{}, ...spec.lines.map(series)],
    bands: bands(spec),
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? undefined)] },
  };
}

function series(line: Line): uPlot.Series {
  return {
    stroke: line.color,
    width: line.points ? 0 : (line.width ?? 1.25),
    ...(line.dash ? { dash: [...line.dash] } : {}),
    ...(line.fillZero ? { fill: translucent(line.color) } : {}),
    scale: line.right ? "right" : "y",
    spanGaps: true,
    points: {
      // A line of one point has no length: the first step would be an empty chart.
      show: line.points ?? (line.width === 0 ? false : (plot, index) => isSingle(plot.data[index])),
      ...{ size: 6, fill: line.color, stroke: line.color },
    },
  };
}

function isSingle(column: uPlot.AlignedData[number] | undefined): boolean {
  let numbers = 0;
  for (let i = 0; i < (column?.length ?? 0) && numbers < 2; i++) if (Number.isFinite(column?.[i])) numbers++;
  return numbers === 1;
}

function bands({ lines }: PlotSpec): uPlot.Band[] {
  return lines.flatMap((line, i) =>
    line.fillTo === undefined
      ? []
      : [{ series: [i + 1, line.fillTo + 1] as [number, number], fill: translucent(line.color) }],
  );
}

const translucent = (color: string): string => `${color}2e`;

function axes(spec: PlotSpec, palette: Palette, right: boolean): uPlot.Axis[] {
  const common = {
    font: AXIS_FONT,
    stroke: palette.muted,
    grid: { stroke: palette.rule, width: 1 },
    ticks: { show: false },
  };
  const labels = (format: (value: number) => string) => (_: uPlot, splits: (number | null)[]) =>
    splits.map((value) => (value === null ? "" : format(value)));
  const list: uPlot.Axis[] = [
    {
      ...common,
      size: 24,
      gap: 4,
      grid: { show: false },
      space: 56,
      incrs: STEP_INCREMENTS,
      values: labels(String),
    },
    { ...common, scale: "y", size: LEFT_PX, gap: 4, space: 26, values: labels(spec.formatLeft) },
  ];
  if (right)
    list.push({
      ...common,
      scale: "right",
      side: 1,
      size: LEFT_PX,
      gap: 4,
      space: 26,
      grid: { show: false },
      values: labels(spec.formatRight ?? spec.formatLeft),
    });
  return list;
}

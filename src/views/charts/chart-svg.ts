// A chart as a picture for papers: the lines of a `PlotSpec` drawn from their numbers, with axes and a legend.
import { escape, figure, label, line, round, SANS, type FigureColors } from "../../figure";
import { decades, leftRange, rightRange, stepRange, ticks } from "./axes";
import type { Line, PlotSpec } from "./plot";

/** A column of numbers; what is null or not finite has no point. */
type Column = ArrayLike<number | null | undefined>;

export interface ChartFigure {
  readonly title: string;
  readonly xTitle: string;
  readonly spec: PlotSpec;
  /** What the legend calls each line; undefined: an edge of a band, which has no place there. */
  readonly names: readonly (string | undefined)[];
  /** Steps, then one column per line. */
  readonly columns: readonly Column[];
  readonly colors: FigureColors;
}

const [WIDTH, PLOT, LEFT, RIGHT, AXIS, ROW] = [640, 240, 52, 16, 36, 16];
const CHAR = 6.2;

interface Scale {
  readonly range: readonly [number, number];
  at(value: number): number;
}

export function chartSvg(chart: ChartFigure): string {
  const { title, xTitle, spec, names, columns, colors } = chart;
  const [steps = [], ...lines] = columns;
  const right = spec.lines.some((l) => l.right);
  const keys = legendRows(spec.lines, names);
  const top = 28 + keys.rows * ROW;
  const plotRight = WIDTH - (right ? LEFT : RIGHT);
  const x = linear(stepRange(...extent([steps])), LEFT, plotRight);
  const on = (side: boolean) => extent(lines.filter((_, i) => !!spec.lines[i]?.right === side));
  const y = (spec.log ? logarithmic : linear)(leftRange(spec, ...on(false)), top + PLOT, top);
  const yRight = linear(rightRange(...on(true)), top + PLOT, top);
  const scaleOf = (l: Line) => (l.right ? yRight : y);
  const small = `${SANS} font-size="10" fill="${colors.muted}"`;
  const leftTicks = spec.log ? decades(...y.range) : ticks(...y.range, 5);
  return figure({ title, width: WIDTH, height: top + PLOT + AXIS, ground: colors.ground }, [
    label(title, 8, 16, `${SANS} font-size="12" font-weight="600" fill="${colors.ink}"`),
    keys.draw(28, colors),
    ...leftTicks.flatMap((value) => [
      line(LEFT, y.at(value), plotRight, y.at(value), `stroke="${colors.rule}"`),
      label(spec.formatLeft(value), LEFT - 6, y.at(value) + 3.5, `${small} text-anchor="end"`),
    ]),
    ...(right ? ticks(...yRight.range, 5) : []).map((value) =>
      label((spec.formatRight ?? spec.formatLeft)(value), plotRight + 6, yRight.at(value) + 3.5, small),
    ),
    ...wholeTicks(x.range).flatMap((value) => [
      line(x.at(value), top + PLOT, x.at(value), top + PLOT + 4, `stroke="${colors.muted}"`),
      label(String(value), x.at(value), top + PLOT + 16, `${small} text-anchor="middle"`),
    ]),
    label(xTitle, (LEFT + plotRight) / 2, top + PLOT + 31, `${small} text-anchor="middle"`),
    line(LEFT, top + PLOT, plotRight, top + PLOT, `stroke="${colors.muted}"`),
    ...spec.lines.map((l, i) => area(l, points(steps, lines[i], x, scaleOf(l)), fillEdge(i))),
    ...spec.lines.map((l, i) => stroke(l, points(steps, lines[i], x, scaleOf(l)), names[i])),
  ]);

  /** The other side of a line's filled area: another line, the zero line, or none. */
  function fillEdge(i: number): readonly Point[] | undefined {
    const l = spec.lines[i];
    if (!l || spec.log) return undefined;
    const own = points(steps, lines[i], x, scaleOf(l));
    if (l.fillZero) return own.map(([px]) => [px, scaleOf(l).at(0)] as const);
    return l.fillTo === undefined ? undefined : points(steps, lines[l.fillTo], x, scaleOf(l));
  }
}

/** There is no step between two steps. */
const wholeTicks = (range: readonly [number, number]): number[] =>
  ticks(...range, 7).filter((value) => Number.isInteger(value));

type Point = readonly [number, number];

function points(steps: Column, values: Column | undefined, x: Scale, y: Scale): Point[] {
  const found: Point[] = [];
  for (let i = 0; i < steps.length; i++) {
    const [step, value] = [steps[i], values?.[i]];
    if (isNumber(step) && isNumber(value)) found.push([round(x.at(step)), round(y.at(value))]);
  }
  return found;
}

const isNumber = (value: number | null | undefined): value is number =>
  typeof value === "number" && Number.isFinite(value);

const path = (list: readonly Point[]): string => list.map(([px, py]) => `${px} ${py}`).join("L");

function area(l: Line, own: readonly Point[], edge: readonly Point[] | undefined): string {
  if (!edge || own.length < 2 || edge.length < 2) return "";
  return `<path d="M${path(own)}L${path(edge.toReversed())}z" fill="${l.color}" fill-opacity="0.18"/>`;
}

function stroke(l: Line, own: readonly Point[], name: string | undefined): string {
  if (own.length === 0 || l.width === 0) return "";
  const title = name === undefined ? "" : `<title>${escape(name)}</title>`;
  const dots = () => own.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3"/>`).join("");
  if (l.points || own.length === 1) return `<g fill="${l.color}">${title}${dots()}</g>`;
  return `<path d="M${path(own)}" fill="none" stroke="${l.color}" stroke-width="${l.width ?? 1.25}"${dashes(l)}>${title}</path>`;
}

const dashes = ({ dash }: Line): string => (dash ? ` stroke-dasharray="${dash.join(" ")}"` : "");

/** The names with their strokes, as many to a row as there is room for. */
function legendRows(lines: readonly Line[], names: readonly (string | undefined)[]) {
  let [x, row] = [8, 0];
  const places = lines.flatMap((l, i) => {
    const name = names[i];
    if (name === undefined) return [];
    const width = 26 + CHAR * [...name].length + 16;
    if (x > 8 && x + width > WIDTH - 8) [x, row] = [8, row + 1];
    const place = { l, name, x, row };
    x += width;
    return [place];
  });
  return {
    rows: row + 1,
    draw: (top: number, colors: FigureColors): string =>
      places
        .map(({ l, name, x: at, row: r }) => {
          const y = top + r * ROW;
          const mark = l.points
            ? `<circle cx="${round(at + 11)}" cy="${round(y)}" r="3" fill="${l.color}"/>`
            : line(at, y, at + 22, y, `stroke="${l.color}" stroke-width="2"${dashes(l)}`);
          return mark + label(name, at + 27, y + 3.5, `${SANS} font-size="11" fill="${colors.ink}"`);
        })
        .join("\n"),
  };
}

/** Least and largest of what is a number: infinite, and so not finite, when nothing is. */
function extent(columns: readonly Column[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns)
    for (let i = 0; i < column.length; i++) {
      const value = column[i];
      if (!isNumber(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  return [low, high];
}

function linear(range: readonly [number, number], from: number, to: number): Scale {
  const [low, high] = range;
  return { range, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function logarithmic(range: readonly [number, number], from: number, to: number): Scale {
  const [low, high] = [Math.log10(range[0]), Math.log10(range[1])];
  return { range, at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}

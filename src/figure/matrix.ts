// Where the cells of a matrix stand when it can be zoomed and panned: only what is in view is drawn and labelled.
import type { Plan, Selection } from "./plan";
import { NOTHING, sizeOf } from "./plan";
import { longest } from "./text";

export interface Cell {
  readonly row: number;
  readonly col: number;
}

/** The least size of letters, and the width of one of ui-monospace beside its size, rounded up. */
export const LEAST_FONT_PX = 11;
export const CHAR_SHARE = 0.61;

export interface MatrixFrame {
  readonly rows: number;
  readonly cols: number;
  /** The plot's place in the canvas. */
  readonly left: number;
  readonly top: number;
  readonly plotWidth: number;
  readonly plotHeight: number;
  readonly width: number;
  readonly height: number;
  /** Size of a cell when the whole matrix is in view. */
  readonly fitWidth: number;
  readonly fitHeight: number;
  readonly rowChars: number;
  readonly colChars: number;
  /** Size of letters. */
  readonly font: number;
  /** Room of the axis titles, between labels and cells, and of the bars of sums. */
  readonly title: number;
  readonly gap: number;
  readonly bars: number;
}

/** What there is for a figure. */
export interface Space {
  readonly width: number;
  readonly maxHeight: number;
  /** The least size of letters, for those who sit far away. */
  readonly font?: number | undefined;
}

/** What part is in view: `zoom` ≥ 1 times the fitting size, scrolled by pixels of the zoomed plot. */
export interface Viewport {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}
export const WHOLE: Viewport = { zoom: 1, x: 0, y: 0 };

const MAX_CELL = 96;
/** So many times as wide as high, and no more. */
const MAX_RATIO = 3;
const MAX_CHARS = 10;
const FEW_CHARS = 6;
const MOST_FONT = 1.6;
/** A zoomed cell is at least this large at the end. */
const LARGEST_CELL = 40;

/** The place of a plan's matrix: as large as there is room for, with letters that grow with its cells. */
export function matrixFrame(plan: Plan, space: Space): MatrixFrame {
  const least = space.font ?? LEAST_FONT_PX;
  const frame = frameAt(plan, space, least);
  const grown = Math.floor(Math.min(MOST_FONT * least, 0.5 * Math.min(frame.fitWidth, frame.fitHeight)));
  return grown > least ? frameAt(plan, space, grown) : frame;
}

function frameAt(plan: Plan, { width, maxHeight }: Space, font: number): MatrixFrame {
  const [rows, cols] = sizeOf(plan);
  const char = font * CHAR_SHARE;
  const rowChars = Math.min(longest(plan.student.texts), width < 43 * font ? FEW_CHARS : MAX_CHARS);
  const colChars = Math.min(longest(plan.teacher.texts), maxHeight < 43 * font ? FEW_CHARS : MAX_CHARS);
  const [title, gap, bars] = [
    Math.round(1.7 * font),
    Math.round(0.55 * font),
    Math.round(Math.min(36, 2.6 * font)),
  ];
  const left = Math.ceil(title + rowChars * char + gap);
  const top = Math.ceil(title + colChars * char + gap);
  const wide = Math.min(MAX_CELL, (width - left - bars - 1) / cols);
  const tallest = Math.min(MAX_CELL, Math.max(12, wide));
  const fitHeight = whole(Math.min(tallest, (maxHeight - top - bars - 1) / rows));
  const fitWidth = whole(Math.min(wide, Math.max(12, MAX_RATIO * fitHeight)));
  const plotWidth = Math.max(1, fitWidth * cols);
  const plotHeight = Math.max(1, fitHeight * rows);
  const size = { width: left + plotWidth + bars + 1, height: top + plotHeight + bars + 1 };
  const letters = { rowChars, colChars, font, title, gap, bars };
  return { rows, cols, left, top, plotWidth, plotHeight, ...size, fitWidth, fitHeight, ...letters };
}

const whole = (pixels: number): number => (pixels >= 6 ? Math.floor(pixels) : Math.max(0.25, pixels));

export const largestZoom = ({ fitWidth, fitHeight }: MatrixFrame): number =>
  Math.max(1, LARGEST_CELL / Math.min(fitWidth, fitHeight));

export function clampViewport(frame: MatrixFrame, { zoom, x, y }: Viewport): Viewport {
  const z = Math.min(largestZoom(frame), Math.max(1, zoom));
  const most = (size: number) => size * (z - 1);
  return {
    zoom: z,
    x: Math.min(most(frame.plotWidth), Math.max(0, x)),
    y: Math.min(most(frame.plotHeight), Math.max(0, y)),
  };
}

/** Zoom by a factor so that the point (px, py) of the canvas stays where it is. */
export function zoomAt(frame: MatrixFrame, view: Viewport, factor: number, px: number, py: number): Viewport {
  const zoom = Math.min(largestZoom(frame), Math.max(1, view.zoom * factor));
  const ratio = zoom / view.zoom;
  const keep = (scroll: number, at: number) => (scroll + at) * ratio - at;
  return clampViewport(frame, {
    zoom,
    x: keep(view.x, px - frame.left),
    y: keep(view.y, py - frame.top),
  });
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function cellBox(frame: MatrixFrame, view: Viewport, row: number, col: number): Box {
  const width = frame.fitWidth * view.zoom;
  const height = frame.fitHeight * view.zoom;
  return {
    x: frame.left + col * width - view.x,
    y: frame.top + row * height - view.y,
    width,
    height,
  };
}

function cellUnder(frame: MatrixFrame, view: Viewport, px: number, py: number): Cell | undefined {
  const [x, y] = [px - frame.left, py - frame.top];
  if (x < 0 || y < 0 || x >= frame.plotWidth || y >= frame.plotHeight) return undefined;
  const col = Math.floor((x + view.x) / (frame.fitWidth * view.zoom));
  const row = Math.floor((y + view.y) / (frame.fitHeight * view.zoom));
  return row < frame.rows && col < frame.cols ? { row, col } : undefined;
}

/** The cell or, over an axis, the token under a point. */
export function matrixUnder(frame: MatrixFrame, view: Viewport, x: number, y: number): Selection {
  const cell = cellUnder(frame, view, x, y);
  if (cell) return { student: cell.row, teacher: cell.col };
  const row = cellUnder(frame, view, frame.left + 1, y);
  const col = cellUnder(frame, view, x, frame.top + 1);
  if (x < frame.left && row) return { student: row.row, teacher: undefined };
  if (y < frame.top && col) return { student: undefined, teacher: col.col };
  return NOTHING;
}

const KEYS: Readonly<Record<string, (at: Cell, rows: number, cols: number) => Cell>> = {
  ArrowUp: ({ row, col }) => ({ row: row - 1, col }),
  ArrowDown: ({ row, col }) => ({ row: row + 1, col }),
  ArrowLeft: ({ row, col }) => ({ row, col: col - 1 }),
  ArrowRight: ({ row, col }) => ({ row, col: col + 1 }),
  Home: ({ row }) => ({ row, col: 0 }),
  End: ({ row }, _, cols) => ({ row, col: cols - 1 }),
  PageUp: ({ col }) => ({ row: 0, col }),
  PageDown: ({ col }, rows) => ({ row: rows - 1, col }),
};

/** The cell that a key moves to, which is the first when none is chosen; undefined when the key does not move. */
export function moveCell(rows: number, cols: number, from: Selection, key: string): Cell | undefined {
  const move = KEYS[key];
  if (!move) return undefined;
  if (from.student === undefined && from.teacher === undefined) return { row: 0, col: 0 };
  const to = move({ row: from.student ?? 0, col: from.teacher ?? 0 }, rows, cols);
  const inside = (index: number, length: number) => Math.min(length - 1, Math.max(0, index));
  return { row: inside(to.row, rows), col: inside(to.col, cols) };
}

/** Scroll as little as needed to see a cell: what arrow keys do. */
export function reveal(frame: MatrixFrame, view: Viewport, { row, col }: Cell): Viewport {
  const { x, y, width, height } = cellBox(frame, view, row, col);
  const into = (at: number, size: number, from: number, room: number) =>
    at < from ? at - from : Math.max(0, at + size - from - room);
  return clampViewport(frame, {
    zoom: view.zoom,
    x: view.x + into(x, width, frame.left, frame.plotWidth),
    y: view.y + into(y, height, frame.top, frame.plotHeight),
  });
}

/** First and one past the last index in view. */
export function visible(scroll: number, room: number, cell: number, count: number): [number, number] {
  return [Math.max(0, Math.floor(scroll / cell)), Math.min(count, Math.ceil((scroll + room) / cell))];
}

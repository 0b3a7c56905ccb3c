// Where the cells and labels of a plan go, for 1×1 up to hundreds of tokens. Pure geometry in CSS pixels.

export interface HeatmapSize {
  readonly rows: number;
  readonly cols: number;
  readonly width: number;
  readonly maxHeight: number;
  /** Longest label of each axis, in characters. */
  readonly rowChars: number;
  readonly colChars: number;
}

export interface HeatmapLayout {
  readonly rows: number;
  readonly cols: number;
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Every so many rows or columns carry a label. */
  readonly rowStride: number;
  readonly colStride: number;
  /** Characters of a label that fit. */
  readonly rowChars: number;
  readonly colChars: number;
  readonly width: number;
  readonly height: number;
}

export interface Cell {
  readonly row: number;
  readonly col: number;
}

export const LABEL_FONT_PX = 11;
export const CHAR_PX = 6.7; // ui-monospace at 11 px, rounded up
/** Space of the axis title, and between labels and cells. */
export const AXIS_TITLE_PX = 18;
export const LABEL_GAP_PX = 6;
const MAX_CELL_WIDTH = 34;
const MAX_CELL_HEIGHT = 24;
const MIN_LABEL_PITCH = 10;
const MAX_ROW_CHARS = 12;
const MAX_COL_CHARS = 9;

export function layoutHeatmap(size: HeatmapSize): HeatmapLayout {
  const { rows, cols, width, maxHeight } = size;
  const rowChars = Math.min(size.rowChars, width < 480 ? 8 : MAX_ROW_CHARS);
  const colChars = Math.min(size.colChars, MAX_COL_CHARS);
  const left = Math.ceil(AXIS_TITLE_PX + rowChars * CHAR_PX + LABEL_GAP_PX);
  const top = Math.ceil(AXIS_TITLE_PX + colChars * CHAR_PX + LABEL_GAP_PX);
  const cellWidth = fit((width - left - 1) / cols, MAX_CELL_WIDTH);
  const cellHeight = fit(
    (maxHeight - top - 1) / rows,
    Math.min(MAX_CELL_HEIGHT, Math.max(12, cellWidth * 1.1)),
  );
  return {
    rows,
    cols,
    left,
    top,
    cellWidth,
    cellHeight,
    rowStride: Math.ceil(MIN_LABEL_PITCH / cellHeight),
    colStride: Math.ceil(MIN_LABEL_PITCH / cellWidth),
    rowChars,
    colChars,
    width: left + cols * cellWidth + 1,
    height: top + rows * cellHeight + 1,
  };
}

/** Whole pixels while they are large enough to be counted; fractions for crowded plans. */
function fit(pixels: number, largest: number): number {
  const size = Math.max(0.5, Math.min(largest, pixels));
  return size >= 4 ? Math.floor(size) : size;
}

/** The cell under a point, or undefined over labels and margins. */
export function cellAt(layout: HeatmapLayout, x: number, y: number): Cell | undefined {
  const col = Math.floor((x - layout.left) / layout.cellWidth);
  const row = Math.floor((y - layout.top) / layout.cellHeight);
  const inside = row >= 0 && row < layout.rows && col >= 0 && col < layout.cols;
  return inside ? { row, col } : undefined;
}

/** The cell that a key moves to from `from`; undefined when the key does not move. */
export function moveCell(layout: HeatmapLayout, from: Cell, key: string): Cell | undefined {
  const { row, col } = from;
  const to = {
    ArrowUp: { row: row - 1, col },
    ArrowDown: { row: row + 1, col },
    ArrowLeft: { row, col: col - 1 },
    ArrowRight: { row, col: col + 1 },
    Home: { row, col: 0 },
    End: { row, col: layout.cols - 1 },
    PageUp: { row: 0, col },
    PageDown: { row: layout.rows - 1, col },
  }[key];
  return to && { row: clamp(to.row, layout.rows), col: clamp(to.col, layout.cols) };
}

const clamp = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));

export function shorten(label: string, chars: number): string {
  const letters = [...label];
  return letters.length <= chars ? label : `${letters.slice(0, Math.max(1, chars - 1)).join("")}…`;
}

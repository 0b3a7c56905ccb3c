// Draws the visible part of a matrix with its token axes, and (on a canvas above it) what is selected.
import type { Shade } from "./color";
import { cellBox, visible, type MatrixFrame, type Viewport } from "./matrix";
import type { Palette } from "./palette";
import { planFacts, type Plan, type Selection, type Side } from "./plan";
import { shorten } from "./text";

export const mono = (size: number): string =>
  `${size}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
export const sans = (size: number): string => `${size}px system-ui, sans-serif`;
/** A sum that is off by less is right. */
const RIGHT = 0.01;

/** The whole matrix, one pixel a cell: made once, then drawn at any zoom. */
export function matrixImage(values: Float32Array, rows: number, cols: number, shade: Shade): OffscreenCanvas {
  const image = new ImageData(cols, rows);
  const { table } = shade;
  for (let i = 0; i < rows * cols; i++) {
    const index = shade.at(values[i] ?? 0);
    if (index < 0) continue; // no number: a hole, which zero is not
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = table[index * 3 + c] ?? 0;
    image.data[i * 4 + 3] = 255;
  }
  const canvas = new OffscreenCanvas(cols, rows);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

export interface MatrixPicture {
  readonly image: OffscreenCanvas;
  readonly frame: MatrixFrame;
  readonly view: Viewport;
  readonly plan: Plan;
  /** What the cells show: the plan's masses, or another matrix of its size. */
  readonly values: Float32Array;
  readonly palette: Palette;
  /** What the axes are called. */
  readonly titles: Readonly<Record<Side, string>>;
  /** Pairs to outline, [n, m] row-major. */
  readonly pairs: ArrayLike<number> | undefined;
}

/** Sizes a canvas for the screen's pixels, `ratio` of them to one of CSS, and clears it. */
export function prepare(
  canvas: HTMLCanvasElement | null,
  width: number,
  height: number,
  ratio: number,
): CanvasRenderingContext2D | undefined {
  const pen = canvas?.getContext("2d");
  if (!canvas || !pen) return undefined;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

export function drawMatrix(pen: CanvasRenderingContext2D, picture: MatrixPicture): void {
  const { image, frame, view, palette } = picture;
  pen.save();
  pen.beginPath();
  pen.rect(frame.left, frame.top, frame.plotWidth, frame.plotHeight);
  pen.clip();
  // Enlarged cells keep their edges; a matrix smaller than its cells is averaged instead of sampled.
  pen.imageSmoothingEnabled = frame.fitWidth * view.zoom < 1 || frame.fitHeight * view.zoom < 1;
  const [w, h] = [frame.plotWidth * view.zoom, frame.plotHeight * view.zoom];
  pen.drawImage(image, frame.left - view.x, frame.top - view.y, w, h);
  drawPairs(pen, picture);
  pen.restore();
  pen.strokeStyle = palette.rule;
  pen.lineWidth = 1;
  pen.strokeRect(frame.left - 0.5, frame.top - 0.5, frame.plotWidth + 1, frame.plotHeight + 1);
  for (const side of ["student", "teacher"] as const) {
    drawLabels(pen, picture, side);
    drawTitle(pen, picture, side);
    if (picture.values === picture.plan.mass) drawSums(pen, picture, side);
  }
}

/**
 * What each row and column sums to, beside and below the matrix, with a tick where it should be: pale while it is off,
 * full once it is right.
 */
function drawSums(pen: CanvasRenderingContext2D, picture: MatrixPicture, side: Side): void {
  const { frame, view, plan, palette } = picture;
  const rows = side === "student";
  const moved = planFacts(plan).moved[side];
  const { from, to } = axis(picture, side);
  const begin = (rows ? frame.left + frame.plotWidth : frame.top + frame.plotHeight) + frame.gap;
  const room = frame.bars - frame.gap;
  const aim = Math.round((2 / 3) * room);
  pen.save();
  pen.beginPath();
  if (rows) pen.rect(begin, frame.top, room, frame.plotHeight);
  else pen.rect(frame.left, begin, frame.plotWidth, room);
  pen.clip();
  for (let i = from; i < to; i++) {
    const box = cellBox(frame, view, rows ? i : 0, rows ? 0 : i);
    const [at, size] = rows ? [box.y, box.height] : [box.x, box.width];
    const pad = Math.min(3, size / 6);
    const share = moved[i] ?? 0;
    const length = Math.min(room, share * aim);
    pen.globalAlpha = Math.abs(share - 1) <= RIGHT ? 1 : 0.45;
    pen.fillStyle = palette[side];
    if (rows) pen.fillRect(begin, at + pad, length, size - 2 * pad);
    else pen.fillRect(at + pad, begin, size - 2 * pad, length);
    pen.globalAlpha = 1;
    pen.fillStyle = palette.ink;
    if (rows) pen.fillRect(begin + aim - 0.5, at, 1, size);
    else pen.fillRect(at, begin + aim - 0.5, size, 1);
  }
  pen.restore();
}

function drawPairs(pen: CanvasRenderingContext2D, { frame, view, pairs, palette }: MatrixPicture): void {
  if (!pairs) return;
  const [i0, i1] = visible(view.y, frame.plotHeight, frame.fitHeight * view.zoom, frame.rows);
  const [j0, j1] = visible(view.x, frame.plotWidth, frame.fitWidth * view.zoom, frame.cols);
  pen.lineWidth = 1.5;
  for (let i = i0; i < i1; i++)
    for (let j = j0; j < j1; j++) {
      if (!pairs[i * frame.cols + j]) continue;
      const { x, y, width, height } = cellBox(frame, view, i, j);
      pen.strokeStyle = palette.ground;
      pen.strokeRect(x + 0.75, y + 0.75, width - 1.5, height - 1.5);
      pen.strokeStyle = palette["ot-embedding"];
      pen.setLineDash([3, 2]);
      pen.strokeRect(x + 0.75, y + 0.75, width - 1.5, height - 1.5);
      pen.setLineDash([]);
    }
}

interface AxisLabels {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

function axis({ frame, view }: Pick<MatrixPicture, "frame" | "view">, side: Side): AxisLabels {
  const rows = side === "student";
  const pitch = (rows ? frame.fitHeight : frame.fitWidth) * view.zoom;
  const [from, to] = rows
    ? visible(view.y, frame.plotHeight, pitch, frame.rows)
    : visible(view.x, frame.plotWidth, pitch, frame.cols);
  return { from, to, stride: Math.max(1, Math.ceil(frame.font / pitch)) };
}

function drawLabels(pen: CanvasRenderingContext2D, picture: MatrixPicture, side: Side): void {
  const { from, to, stride } = axis(picture, side);
  pen.font = mono(picture.frame.font);
  pen.fillStyle = picture.palette[side];
  for (let index = from; index < to; index++) if (index % stride === 0) drawLabel(pen, picture, side, index);
}

/** One token beside its row or above its column, if its middle is in view. */
function drawLabel(
  pen: CanvasRenderingContext2D,
  { frame, view, plan }: Pick<MatrixPicture, "frame" | "view" | "plan">,
  side: Side,
  index: number,
): void {
  const rows = side === "student";
  const { x, y, width, height } = cellBox(frame, view, rows ? index : 0, rows ? 0 : index);
  const text = shorten(plan[side].texts[index] ?? "", rows ? frame.rowChars : frame.colChars);
  pen.textBaseline = "middle";
  if (rows) {
    const middle = y + height / 2;
    if (middle < frame.top || middle > frame.top + frame.plotHeight) return;
    pen.textAlign = "right";
    pen.fillText(text, frame.left - frame.gap, middle);
    return;
  }
  const middle = x + width / 2;
  if (middle < frame.left || middle > frame.left + frame.plotWidth) return;
  pen.save();
  pen.translate(middle, frame.top - frame.gap);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "left";
  pen.fillText(text, 0, 0);
  pen.restore();
}

/** Which model the axis belongs to, with its mark: dotted for the student, solid for the teacher. */
function drawTitle(
  pen: CanvasRenderingContext2D,
  { frame, titles, palette }: MatrixPicture,
  side: Side,
): void {
  const rows = side === "student";
  const text = titles[side];
  pen.save();
  pen.font = sans(frame.font);
  const half = pen.measureText(text).width / 2;
  // Centred on the plot, but never beyond the canvas: a small plot has a longer title than itself.
  const within = (middle: number, size: number) =>
    Math.min(Math.max(middle, half + 1), Math.max(half + 1, size - half - 1));
  if (rows) {
    pen.translate(frame.title / 2, within(frame.top + frame.plotHeight / 2, frame.height));
    pen.rotate(-Math.PI / 2);
  } else pen.translate(within(frame.left + frame.plotWidth / 2, frame.width), frame.title / 2);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = palette[side];
  const width = 2 * half;
  if (width <= (rows ? frame.height : frame.width)) {
    pen.fillText(text, 0, -1);
    pen.strokeStyle = palette[side];
    pen.setLineDash(rows ? [2, 2] : []);
    pen.beginPath();
    pen.moveTo(-width / 2, 0.6 * frame.font);
    pen.lineTo(width / 2, 0.6 * frame.font);
    pen.stroke();
  }
  pen.restore();
}

/** The selected row, column or cell, with their labels in full ink. */
export function drawMatrixSelection(
  pen: CanvasRenderingContext2D,
  picture: Pick<MatrixPicture, "frame" | "view" | "plan" | "palette">,
  { student, teacher, term }: Selection,
): void {
  const { frame, view, palette } = picture;
  pen.save();
  pen.beginPath();
  pen.rect(frame.left - 2, frame.top - 2, frame.plotWidth + 4, frame.plotHeight + 4);
  pen.clip();
  const outline = (x: number, y: number, width: number, height: number) => {
    pen.lineWidth = 3;
    pen.strokeStyle = palette.ground;
    pen.strokeRect(x - 1, y - 1, width + 2, height + 2);
    pen.lineWidth = 1.5;
    pen.strokeStyle = palette.ink;
    pen.strokeRect(x - 1, y - 1, width + 2, height + 2);
  };
  const { x, y, width, height } = cellBox(frame, view, student ?? 0, teacher ?? 0);
  if (student !== undefined && term === "f") outline(frame.left, y, frame.plotWidth, height);
  if (teacher !== undefined && term === "g") outline(x, frame.top, width, frame.plotHeight);
  if (student !== undefined && teacher !== undefined) outline(x, y, width, height);
  else if (student !== undefined) outline(frame.left, y, frame.plotWidth, height);
  else if (teacher !== undefined) outline(x, frame.top, width, frame.plotHeight);
  pen.restore();
  for (const [side, index] of [
    ["student", student],
    ["teacher", teacher],
  ] as const) {
    if (index === undefined) continue;
    markLabel(pen, picture, side, index);
  }
}

/** The label on a raised strip, so that it can be read even where its neighbours are too close. */
function markLabel(
  pen: CanvasRenderingContext2D,
  picture: Pick<MatrixPicture, "frame" | "view" | "plan" | "palette">,
  side: Side,
  index: number,
): void {
  const { frame, view, palette } = picture;
  const rows = side === "student";
  const box = cellBox(frame, view, rows ? index : 0, rows ? 0 : index);
  pen.fillStyle = palette.raised;
  const [title, size] = [frame.title, 1.5 * frame.font];
  if (rows) pen.fillRect(title, box.y + (box.height - size) / 2, frame.left - title - 2, size);
  else pen.fillRect(box.x + (box.width - size) / 2, title, size, frame.top - title - 2);
  pen.font = `bold ${mono(frame.font)}`;
  pen.fillStyle = palette[side];
  drawLabel(pen, picture, side, index);
}

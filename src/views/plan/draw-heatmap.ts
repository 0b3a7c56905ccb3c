// Draws a plan on a 2D canvas: cells through one image, labels with their identity marks, and a cross-hair.
import type { ColorScale } from "../../store";
import type { PlanRecord } from "../../telemetry";
import type { Palette } from "../theme/palette";
import { CIVIDIS } from "./cividis";
import { scalePosition } from "./color-scale";
import {
  AXIS_TITLE_PX,
  LABEL_FONT_PX,
  LABEL_GAP_PX,
  shorten,
  type Cell,
  type HeatmapLayout,
} from "./heatmap-layout";
import { messages } from "../messages";

export interface HeatmapPicture {
  readonly record: PlanRecord;
  readonly layout: HeatmapLayout;
  readonly palette: Palette;
  readonly scale: ColorScale;
  readonly largest: number;
  readonly cell: Cell | undefined;
}

const MONO = `${LABEL_FONT_PX}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
const SANS = `${LABEL_FONT_PX}px system-ui, sans-serif`;

export function drawHeatmap(canvas: HTMLCanvasElement, picture: HeatmapPicture): void {
  const { layout, palette } = picture;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(layout.width * ratio);
  canvas.height = Math.round(layout.height * ratio);
  canvas.style.width = `${layout.width}px`;
  canvas.style.height = `${layout.height}px`;
  const pen = canvas.getContext("2d");
  if (!pen) return; // no 2D canvas: the table beside it still holds the numbers
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, layout.width, layout.height);
  drawCells(pen, picture);
  pen.strokeStyle = palette.rule;
  pen.strokeRect(layout.left - 0.5, layout.top - 0.5, plotWidth(layout) + 1, plotHeight(layout) + 1);
  drawRowLabels(pen, picture);
  drawColumnLabels(pen, picture);
  if (picture.cell) drawCrosshair(pen, picture, picture.cell);
}

const plotWidth = (layout: HeatmapLayout): number => layout.cols * layout.cellWidth;
const plotHeight = (layout: HeatmapLayout): number => layout.rows * layout.cellHeight;

function drawCells(pen: CanvasRenderingContext2D, { record, layout, scale, largest }: HeatmapPicture): void {
  const { rows, cols } = layout;
  const image = new ImageData(cols, rows);
  for (let i = 0; i < rows * cols; i++) {
    const mass = record.plan[i] ?? 0;
    if (Number.isNaN(mass)) continue; // no number: the ground shows
    const at = Math.round(scalePosition(scale, mass, largest) * 255) * 3;
    image.data.set([CIVIDIS[at] ?? 0, CIVIDIS[at + 1] ?? 0, CIVIDIS[at + 2] ?? 0, 255], i * 4);
  }
  const small = document.createElement("canvas");
  small.width = cols;
  small.height = rows;
  small.getContext("2d")?.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, layout.left, layout.top, plotWidth(layout), plotHeight(layout));
}

function drawRowLabels(pen: CanvasRenderingContext2D, picture: HeatmapPicture): void {
  const { record, layout, palette, cell } = picture;
  pen.textBaseline = "middle";
  record.studentTokens.forEach((token, row) => {
    if (row % layout.rowStride !== 0) return;
    if (cell && Math.abs(row - cell.row) < layout.rowStride) return; // the focused label goes there
    pen.globalAlpha = cell ? 0.55 : 1;
    rowLabel(pen, picture, token, row);
  });
  pen.globalAlpha = 1;
  if (cell) rowLabel(pen, picture, record.studentTokens[cell.row] ?? "", cell.row);
  pen.save();
  const middle = layout.top + plotHeight(layout) / 2;
  pen.translate(AXIS_TITLE_PX / 2, middle);
  pen.rotate(-Math.PI / 2);
  // Turned, the axis runs upwards from the canvas's lower edge.
  const title = messages.plan.studentAxis(record.studentTokens.length);
  axisTitle(pen, title, palette.student, [2, 2], middle - layout.height, middle);
  pen.restore();
}

function rowLabel(
  pen: CanvasRenderingContext2D,
  { layout, palette }: HeatmapPicture,
  token: string,
  row: number,
) {
  const text = shorten(token, layout.rowChars);
  const x = layout.left - LABEL_GAP_PX;
  const y = layout.top + (row + 0.5) * layout.cellHeight;
  pen.font = MONO;
  pen.textAlign = "right";
  pen.fillStyle = palette.student;
  pen.fillText(text, x, y);
}

function drawColumnLabels(pen: CanvasRenderingContext2D, picture: HeatmapPicture): void {
  const { record, layout, palette, cell } = picture;
  record.teacherTokens.forEach((token, col) => {
    if (col % layout.colStride !== 0) return;
    if (cell && Math.abs(col - cell.col) < layout.colStride) return;
    pen.globalAlpha = cell ? 0.55 : 1;
    columnLabel(pen, picture, token, col);
  });
  pen.globalAlpha = 1;
  if (cell) columnLabel(pen, picture, record.teacherTokens[cell.col] ?? "", cell.col);
  pen.save();
  const middle = layout.left + plotWidth(layout) / 2;
  pen.translate(middle, AXIS_TITLE_PX / 2);
  const title = messages.plan.teacherAxis(record.teacherTokens.length);
  axisTitle(pen, title, palette.teacher, [], -middle, layout.width - middle);
  pen.restore();
}

function columnLabel(
  pen: CanvasRenderingContext2D,
  { layout, palette }: HeatmapPicture,
  token: string,
  col: number,
) {
  pen.save();
  pen.translate(layout.left + (col + 0.5) * layout.cellWidth, layout.top - LABEL_GAP_PX);
  pen.rotate(-Math.PI / 2);
  pen.font = MONO;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = palette.teacher;
  pen.fillText(shorten(token, layout.colChars), 0, 0);
  pen.restore();
}

/** The title with the identity mark of its model under it: dotted for the student, solid for the teacher. */
function axisTitle(
  pen: CanvasRenderingContext2D,
  text: string,
  color: string,
  dash: number[],
  from: number,
  to: number,
): void {
  pen.font = SANS;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = color;
  const width = pen.measureText(text).width;
  if (width > to - from) return;
  // Centred on the plot, but never beyond the canvas: a small plot has a longer title than itself.
  const at = Math.min(Math.max(0, from + width / 2), Math.max(from + width / 2, to - width / 2));
  pen.fillText(text, at, -1);
  pen.strokeStyle = color;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.moveTo(at - width / 2, 6.5);
  pen.lineTo(at + width / 2, 6.5);
  pen.stroke();
  pen.setLineDash([]);
}

function drawCrosshair(
  pen: CanvasRenderingContext2D,
  { layout, palette }: HeatmapPicture,
  { row, col }: Cell,
): void {
  const x = layout.left + col * layout.cellWidth;
  const y = layout.top + row * layout.cellHeight;
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 3;
  pen.strokeRect(x - 0.5, y - 0.5, layout.cellWidth + 1, layout.cellHeight + 1);
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1;
  pen.strokeRect(x - 1.5, y - 1.5, layout.cellWidth + 3, layout.cellHeight + 3);
  pen.beginPath();
  pen.moveTo(layout.left - 4, y + layout.cellHeight / 2);
  pen.lineTo(layout.left, y + layout.cellHeight / 2);
  pen.moveTo(x + layout.cellWidth / 2, layout.top - 4);
  pen.lineTo(x + layout.cellWidth / 2, layout.top);
  pen.stroke();
}

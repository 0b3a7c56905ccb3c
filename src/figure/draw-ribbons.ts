// Draws two token lines over their byte ruler with ribbons between them, and the way from ribbons to cells.
import { shadeColor, type Shade } from "./color";
import { MONO, SANS } from "./draw-matrix";
import { CHAR_PX, type Box } from "./matrix";
import type { Palette } from "./palette";
import { planFacts, type Plan, type Selection, type Side } from "./plan";
import {
  bytesOf,
  byteX,
  HOLLOW,
  rulerBytes,
  TOKEN_PX,
  tokenBox,
  type Ribbon,
  type RibbonFrame,
} from "./ribbons";
import { tokenLabel } from "./text";

export interface RibbonPicture {
  readonly frame: RibbonFrame;
  readonly plan: Plan;
  readonly ribbons: readonly Ribbon[];
  readonly shade: Shade;
  readonly palette: Palette;
}

const RIBBON_ALPHA = 0.85;

export function drawRibbons(pen: CanvasRenderingContext2D, picture: RibbonPicture): void {
  const { frame, ribbons, shade } = picture;
  pen.globalAlpha = RIBBON_ALPHA;
  for (const ribbon of ribbons)
    if (inView(frame, ribbon)) fillRibbon(pen, frame, ribbon, colorOf(shade, ribbon));
  pen.globalAlpha = 1;
  drawRuler(pen, picture);
  drawTokens(pen, picture, "teacher");
  drawTokens(pen, picture, "student");
}

/** Everything but what belongs to the selection steps back. */
export function drawRibbonSelection(
  pen: CanvasRenderingContext2D,
  picture: RibbonPicture,
  { student, teacher, term }: Selection,
): void {
  if (student === undefined && teacher === undefined) return;
  const { frame, palette, plan, ribbons, shade } = picture;
  const top = frame.teacherY + TOKEN_PX;
  pen.globalAlpha = 0.8;
  pen.fillStyle = palette.ground;
  pen.fillRect(0, top, frame.width, frame.studentY - top);
  pen.globalAlpha = 1;
  const chosen = ribbons.filter(
    ({ row, col }) =>
      (student === undefined || row === student || (term === "g" && teacher !== undefined)) &&
      (teacher === undefined || col === teacher || (term === "f" && student !== undefined)),
  );
  for (const ribbon of chosen) {
    fillRibbon(pen, frame, ribbon, colorOf(shade, ribbon));
    pen.strokeStyle = palette.ink;
    pen.lineWidth = 0.75;
    pen.stroke();
  }
  for (const [side, index] of [
    ["student", student],
    ["teacher", teacher],
  ] as const) {
    if (index === undefined) continue;
    const { x, y, width, height } = tokenBox(frame, side, plan[side], index);
    pen.strokeStyle = palette.ink;
    pen.lineWidth = 2;
    pen.strokeRect(x, y + 1, width, height - 2);
  }
}

const colorOf = (shade: Shade, { mass }: Ribbon): string =>
  shadeColor(shade, Math.max(0, shade.at(mass))) ?? "";

const inView = ({ width }: RibbonFrame, { student, teacher }: Ribbon): boolean =>
  Math.max(student[1], teacher[1]) >= 0 && Math.min(student[0], teacher[0]) <= width;

function fillRibbon(
  pen: CanvasRenderingContext2D,
  frame: RibbonFrame,
  { student, teacher }: Ribbon,
  color: string,
): void {
  const top = frame.teacherY + TOKEN_PX;
  const bottom = frame.studentY;
  const middle = (top + bottom) / 2;
  // A ribbon thinner than a hair would not be seen.
  const widen = ([a, b]: readonly [number, number]): [number, number] =>
    b - a < 0.6 ? [a - 0.3, b + 0.3] : [a, b];
  const [t0, t1] = widen(teacher);
  const [s0, s1] = widen(student);
  pen.fillStyle = color;
  pen.beginPath();
  pen.moveTo(t0, top);
  pen.bezierCurveTo(t0, middle, s0, middle, s0, bottom);
  pen.lineTo(s1, bottom);
  pen.bezierCurveTo(s1, middle, t1, middle, t1, top);
  pen.closePath();
  pen.fill();
}

function drawTokens(
  pen: CanvasRenderingContext2D,
  { frame, plan, palette }: RibbonPicture,
  side: Side,
): void {
  const moved = planFacts(plan).moved[side];
  pen.font = MONO;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  plan[side].texts.forEach((text, i) => {
    const box = tokenBox(frame, side, plan[side], i);
    if (box.x + box.width < 0 || box.x > frame.width) return;
    const hollow = (moved[i] ?? 1) < HOLLOW;
    tokenRect(pen, box, palette, side, hollow);
    const chars = Math.floor((box.width - 1) / CHAR_PX);
    if (chars < 1) return;
    pen.fillStyle = hollow ? palette.muted : palette[side];
    pen.fillText(tokenLabel(text, chars), box.x + box.width / 2, box.y + TOKEN_PX / 2);
  });
}

/** A token's span: filled, its model's line and mark at the edge that faces the ribbons; or hollow, an outline. */
function tokenRect(
  pen: CanvasRenderingContext2D,
  { x, y, width, height }: Box,
  palette: Palette,
  side: Side,
  hollow: boolean,
): void {
  if (hollow) {
    pen.strokeStyle = palette.control;
    pen.lineWidth = 1;
    pen.setLineDash([2, 2]);
    pen.strokeRect(x + 1, y + 1.5, Math.max(0.5, width - 2), height - 3);
    pen.setLineDash([]);
    return;
  }
  pen.fillStyle = palette.raised;
  pen.fillRect(x + 0.5, y, Math.max(0.5, width - 1), height);
  const edge = side === "teacher" ? y + height - 1 : y + 1;
  pen.strokeStyle = palette[side];
  pen.lineWidth = 2;
  pen.setLineDash(side === "teacher" ? [] : [2, 2]);
  pen.beginPath();
  pen.moveTo(x + 0.5, edge);
  pen.lineTo(x + Math.max(1, width - 0.5), edge);
  pen.stroke();
  pen.setLineDash([]);
}

/** Bytes above the lines: a tick every so many, chosen so that the numbers do not touch. */
function drawRuler(pen: CanvasRenderingContext2D, { frame, plan, palette }: RibbonPicture): void {
  const bytes = bytesOf(plan);
  const step = rulerBytes(frame.pitch);
  pen.font = SANS;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = palette.muted;
  pen.strokeStyle = palette.rule;
  pen.lineWidth = 1;
  for (let byte = 0; byte <= bytes; byte += step) {
    const x = byteX(frame, byte);
    if (x < -40 || x > frame.width) continue;
    pen.beginPath();
    pen.moveTo(x + 0.5, 0);
    pen.lineTo(x + 0.5, frame.teacherY - 2);
    pen.stroke();
    const text = byte === 0 ? "byte 0" : String(byte);
    if (x + 3 + pen.measureText(text).width <= frame.width) pen.fillText(text, x + 3, 8);
  }
}

/** Between both views: every flow on its way from its ribbon (t = 0) to its cell (t = 1). */
export function drawMorph(
  pen: CanvasRenderingContext2D,
  { frame, ribbons, shade }: RibbonPicture,
  cellOf: (row: number, col: number) => Box,
  t: number,
): void {
  const top = frame.teacherY + TOKEN_PX;
  const bottom = frame.studentY;
  const mix = (a: number, b: number) => a + t * (b - a);
  pen.globalAlpha = RIBBON_ALPHA;
  for (const ribbon of ribbons) {
    const { row, col, student, teacher } = ribbon;
    const cell = cellOf(row, col);
    const right = cell.x + cell.width;
    pen.fillStyle = colorOf(shade, ribbon);
    pen.beginPath();
    pen.moveTo(mix(teacher[0], cell.x), mix(top, cell.y));
    pen.lineTo(mix(teacher[1], right), mix(top, cell.y));
    pen.lineTo(mix(student[1], right), mix(bottom, cell.y + cell.height));
    pen.lineTo(mix(student[0], cell.x), mix(bottom, cell.y + cell.height));
    pen.closePath();
    pen.fill();
  }
  pen.globalAlpha = 1;
}

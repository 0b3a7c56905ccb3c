// Draws two token lines over their byte ruler with ribbons between them, and the way from ribbons to cells.
import { mono, sans } from "./draw-matrix";
import type { Box } from "./matrix";
import type { Palette } from "./palette";
import { planFacts, type Plan, type Selection, type Side } from "./plan";
import { byteX, HOLLOW, lettersOf, restBox, ribbonEdges, rulerBytes, tokenBox } from "./ribbons";
import type { Ribbon, RibbonFrame, Ribbons } from "./ribbons";
import { tokenLabel } from "./text";

export interface RibbonPicture {
  readonly frame: RibbonFrame;
  readonly plan: Plan;
  readonly laid: Ribbons;
  readonly palette: Palette;
  /** Colours of the student tokens, in turn. */
  readonly sources: readonly string[];
  readonly titles: Readonly<Record<Side, string>>;
  /** What the gathered rest is called. */
  readonly rest: (flows: number, share: number) => string;
}

export function drawRibbons(pen: CanvasRenderingContext2D, picture: RibbonPicture): void {
  const { frame, laid } = picture;
  for (const ribbon of laid.ribbons)
    if (inView(frame, ribbon)) fillRibbon(pen, picture, ribbon, ribbon.opacity);
  drawRest(pen, picture);
  drawTokens(pen, picture, "teacher");
  drawTokens(pen, picture, "student");
  drawRuler(pen, picture);
  drawTitles(pen, picture);
}

/** Everything but what belongs to the selection steps back. */
export function drawRibbonSelection(
  pen: CanvasRenderingContext2D,
  picture: RibbonPicture,
  { student, teacher, term }: Selection,
): void {
  if (student === undefined && teacher === undefined) return;
  const { frame, palette, plan, laid } = picture;
  const top = frame.teacherY + frame.token;
  pen.globalAlpha = 0.8;
  pen.fillStyle = palette.ground;
  pen.fillRect(0, top, frame.width, frame.studentY - top);
  pen.globalAlpha = 1;
  const chosen = laid.ribbons.filter(
    ({ row, col }) =>
      (student === undefined || row === student || (term === "g" && teacher !== undefined)) &&
      (teacher === undefined || col === teacher || (term === "f" && student !== undefined)),
  );
  for (const ribbon of chosen) {
    fillRibbon(pen, picture, ribbon, Math.max(0.3, ribbon.opacity));
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

const sourceOf = (sources: readonly string[], row: number): string => sources[row % sources.length] ?? "";

const inView = ({ width }: RibbonFrame, { student, teacher }: Ribbon): boolean =>
  Math.max(student[1], teacher[1]) >= 0 && Math.min(student[0], teacher[0]) <= width;

function fillRibbon(
  pen: CanvasRenderingContext2D,
  { frame, sources }: RibbonPicture,
  ribbon: Ribbon,
  opacity: number,
): void {
  const { top, middle, bottom, teacher, student } = ribbonEdges(frame, ribbon);
  const [[t0, t1], [s0, s1]] = [teacher, student];
  pen.globalAlpha = opacity;
  pen.fillStyle = sourceOf(sources, ribbon.row);
  pen.beginPath();
  pen.moveTo(t0, top);
  pen.bezierCurveTo(t0, middle, s0, middle, s0, bottom);
  pen.lineTo(s1, bottom);
  pen.bezierCurveTo(s1, middle, t1, middle, t1, top);
  pen.closePath();
  pen.fill();
  pen.globalAlpha = 1;
}

/** The flows that are too thin to be drawn, as one hatched band. */
function drawRest(pen: CanvasRenderingContext2D, { frame, laid, palette, rest }: RibbonPicture): void {
  const box = restBox(frame, laid);
  if (!box) return;
  const { x, y, width, height } = box;
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.fillStyle = palette.ground;
  pen.fillRect(x, y, width, height);
  pen.strokeStyle = palette.control;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let down = -width; down < height; down += 6) {
    pen.moveTo(x, y + down + width);
    pen.lineTo(x + width, y + down);
  }
  pen.stroke();
  pen.restore();
  pen.font = sans(frame.small);
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  pen.fillStyle = palette.muted;
  pen.fillText(rest(laid.rest.flows, laid.rest.share), frame.width - 1, frame.height - 0.8 * frame.small);
}

function drawTokens(pen: CanvasRenderingContext2D, picture: RibbonPicture, side: Side): void {
  const { frame, plan, palette, sources } = picture;
  const moved = planFacts(plan).moved[side];
  const { start, end, texts } = plan[side];
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = mono(frame.font);
  texts.forEach((text, i) => {
    const box = tokenBox(frame, side, plan[side], i);
    if (box.x + box.width < 0 || box.x > frame.width) return;
    const hollow = (moved[i] ?? 1) < HOLLOW;
    tokenRect(pen, picture, box, side, hollow);
    pen.fillStyle = hollow ? palette.muted : side === "student" ? sourceOf(sources, i) : palette.ink;
    const bytes = (end[i] ?? 0) - (start[i] ?? 0);
    for (const letter of lettersOf(frame, box, text, bytes, tokenLabel))
      pen.fillText(letter.text, letter.x, box.y + box.height / 2);
  });
}

/** A token's span: filled, its model's line and mark at the edge that faces the ribbons; or hollow, an outline. */
function tokenRect(
  pen: CanvasRenderingContext2D,
  { palette, frame }: RibbonPicture,
  { x, y, width, height }: Box,
  side: Side,
  hollow: boolean,
): void {
  const air = frame.air > 0 ? 0 : Math.min(frame.font / 11, width / 8);
  if (hollow) {
    pen.strokeStyle = palette.control;
    pen.lineWidth = 1;
    pen.setLineDash([2, 2]);
    pen.strokeRect(x + 1, y + 1.5, Math.max(0.5, width - 2), height - 3);
    pen.setLineDash([]);
    return;
  }
  pen.fillStyle = palette.raised;
  pen.fillRect(x + air, y, Math.max(0.5, width - 2 * air), height);
  const edge = side === "teacher" ? y + height - 1 : y + 1;
  pen.strokeStyle = palette[side];
  pen.lineWidth = 2;
  pen.setLineDash(side === "teacher" ? [] : [2, 2]);
  pen.beginPath();
  pen.moveTo(x + air, edge);
  pen.lineTo(x + Math.max(1, width - air), edge);
  pen.stroke();
  pen.setLineDash([]);
}

/** Bytes below the lines: a tick every so many, chosen so that the numbers do not touch. */
function drawRuler(pen: CanvasRenderingContext2D, { frame, palette }: RibbonPicture): void {
  if (frame.air > 0) return;
  const step = rulerBytes(frame);
  const top = frame.studentY + frame.token + 3;
  pen.font = sans(frame.small - 1);
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.fillStyle = palette.muted;
  pen.strokeStyle = palette.rule;
  pen.lineWidth = 1;
  for (let byte = 0; byte <= frame.bytes; byte += step) {
    const x = byteX(frame, byte);
    if (x < -40 || x > frame.width) continue;
    pen.beginPath();
    pen.moveTo(x + 0.5, top);
    pen.lineTo(x + 0.5, top + frame.small);
    pen.stroke();
    const text = byte === 0 ? "byte 0" : String(byte);
    if (x + 3 + pen.measureText(text).width <= frame.width) pen.fillText(text, x + 3, top + 2);
  }
}

/** Whose line it is, above the one and below the other. */
function drawTitles(pen: CanvasRenderingContext2D, { frame, palette, titles }: RibbonPicture): void {
  const { small, left, height, scroll } = frame;
  pen.font = sans(small);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = palette.teacher;
  pen.fillText(titles.teacher, scroll > 0 ? 2 : left.teacher, 0.8 * small);
  pen.fillStyle = palette.student;
  pen.fillText(titles.student, scroll > 0 ? 2 : left.student, height - 0.8 * small);
}

/** Between both views: every flow on its way from its ribbon (t = 0) to its cell (t = 1). */
export function drawMorph(
  pen: CanvasRenderingContext2D,
  { frame, laid, sources }: RibbonPicture,
  cellOf: (row: number, col: number) => Box,
  t: number,
): void {
  const mix = (a: number, b: number) => a + t * (b - a);
  for (const ribbon of laid.ribbons) {
    const { row, col, opacity } = ribbon;
    const { top, bottom, student, teacher } = ribbonEdges(frame, ribbon);
    const cell = cellOf(row, col);
    const right = cell.x + cell.width;
    pen.globalAlpha = opacity;
    pen.fillStyle = sourceOf(sources, row);
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

// Two token lines over one byte ruler, and the ribbons between them. A token is as wide as its bytes, so both
// lines say the same thing at the same place; a ribbon is as wide, at each end, as its share of that token.
import type { Lines } from "../../store";
import { shorten } from "../plan/heatmap-layout";
import type { Box } from "./matrix-geometry";

export interface RibbonFrame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  /** Pixels per byte, and how far the whole is scrolled. */
  readonly pitch: number;
  readonly scroll: number;
  readonly most: number;
  /** Top of the teacher's and of the student's token line; both are TOKEN_PX high. */
  readonly teacherY: number;
  readonly studentY: number;
  readonly rulerY: number;
}

export interface Flow {
  readonly row: number;
  readonly col: number;
  readonly mass: number;
}

/** A ribbon's two ends: [left, right] on the student's and on the teacher's line. */
export interface Ribbon extends Flow {
  readonly student: readonly [number, number];
  readonly teacher: readonly [number, number];
}

export const TOKEN_PX = 22;
const RULER_PX = 18;
const LEAST_PITCH = 8;
const MOST_PITCH = 18;
/** Two digits of a byte fit above it. */
const BYTE_PITCH = 16;
const PAD = 8;
/** More ribbons than these cannot be told apart. */
const MOST_RIBBONS = 1500;
const LEAST_SHARE = 0.01;
/** A token that moves less than this share of its mass has no counterpart to speak of: it is drawn hollow. */
export const HOLLOW = 0.5;

export function ribbonFrame(lines: Lines, width: number, gap: number, scroll: number): RibbonFrame {
  const bytes = Math.max(1, lines.student.end.at(-1) ?? 0, lines.teacher.end.at(-1) ?? 0);
  const left = PAD;
  const least = hasByteTokens(lines) ? BYTE_PITCH : LEAST_PITCH;
  const pitch = Math.min(MOST_PITCH, Math.max(least, (width - 2 * PAD) / bytes));
  const most = Math.max(0, bytes * pitch - (width - 2 * PAD));
  const teacherY = RULER_PX;
  const studentY = teacherY + TOKEN_PX + gap;
  return {
    width,
    height: studentY + TOKEN_PX + 4,
    ...{ left, pitch, most, teacherY, studentY },
    rulerY: 0,
    scroll: Math.min(most, Math.max(0, scroll)),
  };
}

const BYTE = /⟨([0-9A-F]{2})⟩/g;

const hasByteTokens = ({ student, teacher }: Lines): boolean =>
  [...student.texts, ...teacher.texts].some((text) => text.search(BYTE) >= 0);

/** A token's label in so many characters: bytes lose their brackets before they lose a digit. */
export function tokenLabel(text: string, chars: number): string {
  if ([...text].length <= chars) return text;
  return shorten(text.replaceAll(BYTE, "$1"), Math.max(1, chars));
}

/** Bytes between two ticks of the ruler, so that their numbers do not touch. */
export const rulerBytes = (pitch: number): number =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * pitch >= 44) ?? 1000;

export const byteX = ({ left, pitch, scroll }: RibbonFrame, byte: number): number =>
  left + byte * pitch - scroll;

export function tokenBox(frame: RibbonFrame, side: "student" | "teacher", start: number, end: number): Box {
  const x = byteX(frame, start);
  const y = side === "student" ? frame.studentY : frame.teacherY;
  return { x, y, width: Math.max(1, byteX(frame, end) - x), height: TOKEN_PX };
}

/** The flows worth drawing, heaviest last so that they lie on top. */
export function flowsOf(plan: Float32Array, n: number, m: number): Flow[] {
  const flows: Flow[] = [];
  for (let row = 0, at = 0; row < n; row++)
    for (let col = 0; col < m; col++, at++) {
      const mass = plan[at] ?? 0;
      if (mass * Math.min(n, m) >= LEAST_SHARE) flows.push({ row, col, mass });
    }
  return flows.sort((a, b) => a.mass - b.mass).slice(-MOST_RIBBONS);
}

export function ribbonsOf(
  lines: Lines,
  plan: Float32Array,
  flows: readonly Flow[],
  frame: RibbonFrame,
): Ribbon[] {
  const { student, teacher } = lines;
  const n = student.start.length;
  const m = teacher.start.length;
  const [rowSums, colSums] = [new Float64Array(n), new Float64Array(m)];
  plan.forEach((mass, at) => {
    rowSums[Math.floor(at / m)]! += mass; // at < n·m
    colSums[at % m]! += mass;
  });
  const ends = new Map<Flow, { student: [number, number]; teacher: [number, number] }>();
  const lay = (side: "student" | "teacher", key: "row" | "col", other: "row" | "col", sums: Float64Array) => {
    const used = new Float64Array(sums.length);
    for (const flow of [...flows].sort((a, b) => a[other] - b[other])) {
      const index = flow[key];
      const { x, width } = tokenBox(frame, side, lines[side].start[index] ?? 0, lines[side].end[index] ?? 0);
      const share = (sums[index] ?? 0) > 0 ? flow.mass / sums[index]! : 0;
      const from = x + width * used[index]!;
      used[index]! += share;
      const known = ends.get(flow) ?? { student: [0, 0], teacher: [0, 0] };
      known[side] = [from, from + width * share];
      ends.set(flow, known);
    }
  };
  lay("student", "row", "col", rowSums);
  lay("teacher", "col", "row", colSums);
  return flows.flatMap((flow) => {
    const end = ends.get(flow);
    return end ? [{ ...flow, ...end }] : [];
  });
}

/** The ribbon under a point between the lines, the heaviest first. */
export function ribbonUnder(
  ribbons: readonly Ribbon[],
  frame: RibbonFrame,
  x: number,
  y: number,
): Ribbon | undefined {
  const top = frame.teacherY + TOKEN_PX;
  const t = (y - top) / (frame.studentY - top);
  if (t < 0 || t > 1) return undefined;
  const s = t * t * (3 - 2 * t); // the curve of a ribbon's edge, close to its Bézier
  const edge = (a: number, b: number) => a + s * (b - a);
  return ribbons.findLast(
    ({ student, teacher }) =>
      x >= edge(teacher[0], student[0]) - 0.5 && x <= edge(teacher[1], student[1]) + 0.5,
  );
}

export function tokenUnder(
  lines: Lines,
  frame: RibbonFrame,
  x: number,
  y: number,
): { side: "student" | "teacher"; index: number } | undefined {
  const inside = (top: number) => y >= top && y < top + TOKEN_PX;
  const side = inside(frame.teacherY) ? "teacher" : inside(frame.studentY) ? "student" : undefined;
  if (!side) return undefined;
  const byte = (x - frame.left + frame.scroll) / frame.pitch;
  const index = lines[side].end.findIndex((end, i) => byte < end && byte >= (lines[side].start[i] ?? 0));
  return index < 0 ? undefined : { side, index };
}

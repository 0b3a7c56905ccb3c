// Two token lines over one byte ruler, and the ribbons between them. A token is as wide as its bytes, so both
// lines say the same thing at the same place; a ribbon is as wide, at each end, as its share of that token.
import type { Box } from "./matrix";
import { NOTHING, planFacts, sizeOf } from "./plan";
import type { Flow, Plan, Selection, Side, Tokens } from "./plan";
import { hasByteTokens } from "./text";

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

/** Bytes of the longer text. */
export const bytesOf = ({ student, teacher }: Plan): number =>
  Math.max(1, student.end[student.end.length - 1] ?? 0, teacher.end[teacher.end.length - 1] ?? 0);

export function ribbonFrame(plan: Plan, width: number, gap: number, scroll: number): RibbonFrame {
  const bytes = bytesOf(plan);
  const left = PAD;
  const least = hasByteTokens([...plan.student.texts, ...plan.teacher.texts]) ? BYTE_PITCH : LEAST_PITCH;
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

/** Bytes between two ticks of the ruler, so that their numbers do not touch. */
export const rulerBytes = (pitch: number): number =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * pitch >= 44) ?? 1000;

export const byteX = ({ left, pitch, scroll }: RibbonFrame, byte: number): number =>
  left + byte * pitch - scroll;

export function tokenBox(frame: RibbonFrame, side: Side, tokens: Tokens, index: number): Box {
  const x = byteX(frame, tokens.start[index] ?? 0);
  const y = side === "student" ? frame.studentY : frame.teacherY;
  return { x, y, width: Math.max(1, byteX(frame, tokens.end[index] ?? 0) - x), height: TOKEN_PX };
}

/** The flows worth drawing, heaviest last so that they lie on top. */
function flowsOf(plan: Plan): Flow[] {
  const [n, m] = sizeOf(plan);
  const flows: Flow[] = [];
  for (let row = 0, at = 0; row < n; row++)
    for (let col = 0; col < m; col++, at++) {
      const mass = plan.mass[at] ?? 0;
      if (mass * Math.min(n, m) >= LEAST_SHARE) flows.push({ row, col, mass });
    }
  return flows.sort((a, b) => a.mass - b.mass).slice(-MOST_RIBBONS);
}

export function ribbonsOf(plan: Plan, frame: RibbonFrame): Ribbon[] {
  const flows = flowsOf(plan);
  const { sums } = planFacts(plan);
  const ends = new Map<Flow, Record<Side, [number, number]>>();
  const lay = (side: Side, key: "row" | "col", other: "row" | "col") => {
    const used = new Float64Array(sums[side].length);
    for (const flow of flows.toSorted((a, b) => a[other] - b[other])) {
      const index = flow[key];
      const { x, width } = tokenBox(frame, side, plan[side], index);
      const whole = sums[side][index] ?? 0;
      const share = whole > 0 ? flow.mass / whole : 0;
      const from = x + width * used[index]!;
      used[index]! += share;
      const known = ends.get(flow) ?? { student: [0, 0], teacher: [0, 0] };
      known[side] = [from, from + width * share];
      ends.set(flow, known);
    }
  };
  lay("student", "row", "col");
  lay("teacher", "col", "row");
  return flows.flatMap((flow) => {
    const end = ends.get(flow);
    return end ? [{ ...flow, ...end }] : [];
  });
}

/** The ribbon under a point between the lines, the heaviest first. */
function ribbonUnder(
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

function tokenUnder(
  plan: Plan,
  frame: RibbonFrame,
  x: number,
  y: number,
): { side: Side; index: number } | undefined {
  const inside = (top: number) => y >= top && y < top + TOKEN_PX;
  const side = inside(frame.teacherY) ? "teacher" : inside(frame.studentY) ? "student" : undefined;
  if (!side) return undefined;
  const byte = (x - frame.left + frame.scroll) / frame.pitch;
  const { start, end } = plan[side];
  const index = Array.from(end).findIndex((to, i) => byte < to && byte >= (start[i] ?? 0));
  return index < 0 ? undefined : { side, index };
}

/** The token or the ribbon under a point. */
export function ribbonsUnder(
  plan: Plan,
  frame: RibbonFrame,
  ribbons: readonly Ribbon[],
  x: number,
  y: number,
): Selection {
  const token = tokenUnder(plan, frame, x, y);
  if (token) return { ...NOTHING, [token.side]: token.index };
  const over = ribbonUnder(ribbons, frame, x, y);
  return over ? { student: over.row, teacher: over.col } : NOTHING;
}

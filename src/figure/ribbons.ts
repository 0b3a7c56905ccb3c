// Two token lines over one byte ruler, and the ribbons between them. A token is as wide as its bytes, so both lines say the
// same thing at the same place; a ribbon is as wide, at each end, as its share of that token.
import { CHAR_SHARE, LEAST_FONT_PX, type Box, type Space } from "./matrix";
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
  /** Height of a token line, and the tops of both. */
  readonly token: number;
  readonly teacherY: number;
  readonly studentY: number;
  /** Size of letters. */
  readonly font: number;
  /** Bytes of the longer text. */
  readonly bytes: number;
}

/** A ribbon's two ends: [left, right] on the student's and on the teacher's line. */
export interface Ribbon extends Flow {
  readonly student: readonly [number, number];
  readonly teacher: readonly [number, number];
  /** See `opacityOf`. */
  readonly opacity: number;
}

/** What is drawn one by one, and what is too little for that and gathered into one band. */
export interface Ribbons {
  readonly ribbons: readonly Ribbon[];
  readonly rest: { readonly flows: number; readonly share: number };
}

const PAD = 8;
const MOST_PITCH = 1.65;
/** Two digits of a byte fit above it. */
const BYTE_PITCH = 1.45;
const LEAST_PITCH = 0.66;
const LEAST_GAP = 90;
const MOST_GAP = 340;
/** More ribbons than these cannot be told apart. */
const MOST_RIBBONS = 900;
/** Of the mass that the smaller side's tokens have. */
const LEAST_SHARE = 0.01;
/** Less than this has no band. */
const LEAST_REST = 0.005;
/** A token that moves less than this share of its mass has no counterpart to speak of: it is drawn hollow. */
export const HOLLOW = 0.5;

const lastEnd = ({ end }: Tokens): number => end[end.length - 1] ?? 0;

export function ribbonFrame(plan: Plan, space: Space, scroll: number): RibbonFrame {
  const { width, maxHeight, font = LEAST_FONT_PX } = space;
  const bytes = Math.max(1, lastEnd(plan.student), lastEnd(plan.teacher));
  const byteTokens = hasByteTokens([...plan.student.texts, ...plan.teacher.texts]);
  const inner = width - 2 * PAD;
  const least = font * (byteTokens ? BYTE_PITCH : LEAST_PITCH);
  const pitch = Math.min(MOST_PITCH * font, Math.max(least, inner / bytes));
  const most = Math.max(0, bytes * pitch - inner);
  const token = 2 * font;
  const around = Math.round(1.7 * font);
  const gap = Math.min(MOST_GAP, Math.max(LEAST_GAP, maxHeight - 2 * token - 3 * around));
  const studentY = around + token + gap;
  return {
    ...{ width, pitch, most, token, font, bytes, studentY },
    height: studentY + token + 2 * around,
    left: Math.max(PAD, (width - bytes * pitch) / 2),
    teacherY: around,
    scroll: Math.min(most, Math.max(0, scroll)),
  };
}

/** Bytes between two ticks of the ruler, so that their numbers do not touch. */
export const rulerBytes = ({ pitch, font }: RibbonFrame): number =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * pitch >= 4 * font) ?? 1000;

export const byteX = ({ left, pitch, scroll }: RibbonFrame, byte: number): number =>
  left + byte * pitch - scroll;

export function tokenBox(frame: RibbonFrame, side: Side, tokens: Tokens, index: number): Box {
  const x = byteX(frame, tokens.start[index] ?? 0);
  const y = side === "student" ? frame.studentY : frame.teacherY;
  return { x, y, width: Math.max(1, byteX(frame, tokens.end[index] ?? 0) - x), height: frame.token };
}

export interface Letter {
  readonly text: string;
  /** Its middle. */
  readonly x: number;
}

/**
 * A token's letters: each over its own byte where there is one for each, so that the same letters of both lines stand
 * above each other; else the label as a whole, as much of it as fits. None where nothing does.
 */
export function lettersOf(
  { pitch, font }: RibbonFrame,
  { x, width }: Box,
  label: string,
  bytes: number,
  shorten: (label: string, chars: number) => string,
): readonly Letter[] {
  const letters = [...label];
  if (letters.length === bytes && pitch >= CHAR_SHARE * font)
    return letters.map((text, i) => ({ text, x: x + (i + 0.5) * pitch }));
  const room = Math.floor((width - 1) / (CHAR_SHARE * font));
  return room < 1 ? [] : [{ text: shorten(label, room), x: x + width / 2 }];
}

/**
 * The share of its token's mass that a flow carries, as opacity. Where tokens have a partner to speak of, the largest
 * stands out fully; a plan that is spread over everything stays pale, because none of its flows says anything.
 */
export const opacityOf = (share: number, largest: number): number =>
  0.03 + 0.92 * Math.min(1, share / Math.max(largest, SPREAD)) ** 1.4;
const SPREAD = 0.35;

/** The flows worth drawing, heaviest last so that they lie on top. */
function flowsOf(plan: Plan): Flow[] {
  const [n, m] = sizeOf(plan);
  const { weights } = plan;
  const flows: Flow[] = [];
  for (let row = 0, at = 0; row < n; row++)
    for (let col = 0; col < m; col++, at++) {
      const mass = plan.mass[at] ?? 0;
      const least = LEAST_SHARE * Math.min(weights.student[row] ?? 0, weights.teacher[col] ?? 0);
      if (mass > 0 && mass >= least) flows.push({ row, col, mass });
    }
  return flows.sort((a, b) => a.mass - b.mass).slice(-MOST_RIBBONS);
}

export function ribbonsOf(plan: Plan, frame: RibbonFrame): Ribbons {
  const flows = flowsOf(plan);
  const { sums, mass } = planFacts(plan);
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
  const shareOf = ({ row, mass: part }: Flow) => part / (sums.student[row] || 1);
  const largest = flows.reduce((most, flow) => Math.max(most, shareOf(flow)), 0);
  const ribbons = flows.flatMap((flow) => {
    const end = ends.get(flow);
    return end ? [{ ...flow, ...end, opacity: opacityOf(shareOf(flow), largest) }] : [];
  });
  return { ribbons, rest: restOf(plan, flows, mass) };
}

function restOf(plan: Plan, flows: readonly Flow[], mass: number): Ribbons["rest"] {
  const drawn = flows.reduce((sum, flow) => sum + flow.mass, 0);
  const share = mass > 0 ? Math.max(0, 1 - drawn / mass) : 0;
  if (share < LEAST_REST) return { flows: 0, share: 0 };
  return { flows: plan.mass.reduce((n, p) => (p > 0 ? n + 1 : n), 0) - flows.length, share };
}

/** Where the gathered rest lies: after the text, or at the right edge, and as wide as its mass beside the whole text. */
export function restBox(frame: RibbonFrame, { rest }: Ribbons): Box | undefined {
  if (rest.flows === 0) return undefined;
  const width = Math.max(4, Math.min(frame.width / 4, rest.share * frame.bytes * frame.pitch));
  const after = byteX(frame, frame.bytes) + 6;
  const y = frame.teacherY + frame.token;
  const x = Math.min(after, frame.width - width - 2);
  return { x, y, width, height: frame.studentY - y };
}

/** The edges of a ribbon: at least a hair wide, upright at both ends. */
export function ribbonEdges(frame: RibbonFrame, { student, teacher }: Ribbon) {
  const [top, bottom] = [frame.teacherY + frame.token, frame.studentY];
  const widen = ([a, b]: readonly [number, number]): readonly [number, number] =>
    b - a < 0.6 ? [a - 0.3, b + 0.3] : [a, b];
  return { top, bottom, middle: (top + bottom) / 2, teacher: widen(teacher), student: widen(student) };
}

/** The ribbon under a point between the lines, the heaviest first. */
function ribbonUnder(
  { ribbons }: Ribbons,
  frame: RibbonFrame,
  x: number,
  y: number,
): Ribbon | undefined {
  const top = frame.teacherY + frame.token;
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
  const inside = (top: number) => y >= top && y < top + frame.token;
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
  ribbons: Ribbons,
  x: number,
  y: number,
): Selection {
  const token = tokenUnder(plan, frame, x, y);
  if (token) return { ...NOTHING, [token.side]: token.index };
  const over = ribbonUnder(ribbons, frame, x, y);
  return over ? { student: over.row, teacher: over.col } : NOTHING;
}

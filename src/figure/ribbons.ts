// Two token lines over one byte ruler, and the ribbons between them. A token is as wide as its bytes, so both lines say the
// same thing at the same place; a ribbon is as wide, at each end, as its share of that token.
import { CHAR_SHARE, LEAST_FONT_PX, type Box, type Space } from "./matrix";
import { NOTHING, planFacts, sizeOf } from "./plan";
import type { Flow, Plan, Selection, Side, Tokens } from "./plan";
import { hasByteTokens } from "./text";

export interface RibbonFrame {
  readonly width: number;
  readonly height: number;
  /** Where each line begins, and the air between two of its tokens: none where the text fills the width. */
  readonly left: Readonly<Record<Side, number>>;
  readonly air: number;
  /** Pixels per byte, and how far the whole is scrolled. */
  readonly pitch: number;
  readonly scroll: number;
  readonly most: number;
  /** Height of a token line, and the tops of both. */
  readonly token: number;
  readonly teacherY: number;
  readonly studentY: number;
  /** Sizes of the tokens' letters, and of all others. */
  readonly font: number;
  readonly small: number;
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
/** Between tokens, where a short text leaves room: then its cuts are seen, and ribbons part from each other. */
const [LEAST_AIR, FAIR_AIR, MOST_AIR] = [0.3, 0.6, 1.5];
/** More ribbons than these cannot be told apart. */
const MOST_RIBBONS = 900;
/** Of the mass that the smaller side's tokens have. */
const LEAST_SHARE = 0.01;
/** Less than this has no band. */
const LEAST_REST = 0.01;
/** A token that moves less than this share of its mass has no counterpart to speak of: it is drawn hollow. */
export const HOLLOW = 0.5;

const lastEnd = ({ end }: Tokens): number => end[end.length - 1] ?? 0;

export function ribbonFrame(plan: Plan, space: Space, scroll: number): RibbonFrame {
  const { width, maxHeight, font = LEAST_FONT_PX } = space;
  const bytes = Math.max(1, lastEnd(plan.student), lastEnd(plan.teacher));
  const byteTokens = hasByteTokens([...plan.student.texts, ...plan.teacher.texts]);
  const band = restWidth(width, sortedFlows(plan).rest.share);
  const inner = width - 2 * PAD - band;
  const least = font * (byteTokens ? BYTE_PITCH : LEAST_PITCH);
  const tokens = Math.max(plan.student.texts.length, plan.teacher.texts.length);
  const fair = (inner - (tokens - 1) * FAIR_AIR * font) / bytes;
  const pitch = Math.min(MOST_PITCH * font, Math.max(least, fair));
  const most = Math.max(0, bytes * pitch - inner);
  const [token, small] = [2 * font, Math.max(LEAST_FONT_PX, Math.round(0.75 * font))];
  const around = Math.round(1.7 * small);
  const spare = Math.min(MOST_AIR * font, (inner - bytes * pitch) / Math.max(1, tokens - 1));
  const air = spare < LEAST_AIR * font ? 0 : spare;
  const under = air === 0 ? 2 * around : around; // without the ruler, which air would put out of step
  const gap = Math.min(MOST_GAP, Math.max(LEAST_GAP, maxHeight - 2 * token - around - under));
  const studentY = around + token + gap;
  const leftOf = (side: Tokens) =>
    Math.max(PAD, (width - band - bytes * pitch - (side.texts.length - 1) * air) / 2);
  return {
    ...{ width, pitch, most, token, font, small, bytes, studentY, air },
    height: studentY + token + under,
    left: { student: leftOf(plan.student), teacher: leftOf(plan.teacher) },
    teacherY: around,
    scroll: Math.min(most, Math.max(0, scroll)),
  };
}

/** Bytes between two ticks of the ruler, so that their numbers do not touch. */
export const rulerBytes = ({ pitch, small }: RibbonFrame): number =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * pitch >= 4 * small) ?? 1000;

/** Of a ruler, which there is only where there is no air. */
export const byteX = ({ left, pitch, scroll }: RibbonFrame, byte: number): number =>
  left.student + byte * pitch - scroll;

export function tokenBox(frame: RibbonFrame, side: Side, tokens: Tokens, index: number): Box {
  const { left, air, pitch, scroll } = frame;
  const [start, end] = [tokens.start[index] ?? 0, tokens.end[index] ?? 0];
  const x = left[side] + start * pitch + index * air - scroll;
  const y = side === "student" ? frame.studentY : frame.teacherY;
  return { x, y, width: Math.max(1, (end - start) * pitch), height: frame.token };
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
 * The share of a token's mass that a flow carries (of either end's, the greater), as opacity. Where tokens have a partner to speak of, the largest
 * stands out fully; a plan that is spread over everything stays pale, because none of its flows says anything.
 */
export const opacityOf = (share: number, largest: number): number =>
  0.03 + 0.81 * Math.min(1, share / Math.max(largest, SPREAD)) ** 1.4;
const SPREAD = 0.35;

interface SortedFlows {
  readonly flows: readonly Flow[];
  readonly rest: Ribbons["rest"];
}
const sorted = new WeakMap<Plan, SortedFlows>();

/** The flows worth drawing, heaviest last so that they lie on top, and what the others come to. */
function sortedFlows(plan: Plan): SortedFlows {
  const before = sorted.get(plan);
  if (before) return before;
  const [n, m] = sizeOf(plan);
  const { weights } = plan;
  const all: Flow[] = [];
  let count = 0;
  for (let row = 0, at = 0; row < n; row++)
    for (let col = 0; col < m; col++, at++) {
      const mass = plan.mass[at] ?? 0;
      if (!(mass > 0)) continue;
      count++;
      const least = LEAST_SHARE * Math.min(weights.student[row] ?? 0, weights.teacher[col] ?? 0);
      if (mass >= least) all.push({ row, col, mass });
    }
  const flows = all.sort((a, b) => a.mass - b.mass).slice(-MOST_RIBBONS);
  const drawn = flows.reduce((sum, { mass }) => sum + mass, 0);
  const { mass } = planFacts(plan);
  const share = mass > 0 ? 1 - drawn / mass : 0;
  const rest = share < LEAST_REST ? { flows: 0, share: 0 } : { flows: count - flows.length, share };
  sorted.set(plan, { flows, rest });
  return { flows, rest };
}

export function ribbonsOf(plan: Plan, frame: RibbonFrame): Ribbons {
  const { flows, rest } = sortedFlows(plan);
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
  const shareOf = ({ row, col, mass: part }: Flow) =>
    Math.max(part / (sums.student[row] || 1), part / (sums.teacher[col] || 1));
  const largest = flows.reduce((most, flow) => Math.max(most, shareOf(flow)), 0);
  const ribbons = flows.flatMap((flow) => {
    const end = ends.get(flow);
    return end ? [{ ...flow, ...end, opacity: opacityOf(shareOf(flow), largest) }] : [];
  });
  return { ribbons, rest };
}

/** As wide as its mass beside that of the whole text, with the air before it. */
const restWidth = (width: number, share: number): number =>
  share > 0 ? REST_AIR + Math.max(4, Math.min(width / 4, share * width)) : 0;
const REST_AIR = 8;

/** Where the gathered rest lies: at the right edge. */
export function restBox(
  { width, teacherY, token, studentY }: RibbonFrame,
  { rest }: Ribbons,
): Box | undefined {
  if (rest.share === 0) return undefined;
  const band = restWidth(width, rest.share) - REST_AIR;
  const y = teacherY + token;
  return { x: width - band - 1, y, width: band, height: studentY - y };
}

/** The edges of a ribbon: at least a hair wide, upright at both ends. */
export function ribbonEdges(frame: RibbonFrame, { student, teacher }: Ribbon) {
  const [top, bottom] = [frame.teacherY + frame.token, frame.studentY];
  const widen = ([a, b]: readonly [number, number]): readonly [number, number] =>
    b - a < 0.6 ? [a - 0.3, b + 0.3] : [a, b];
  return { top, bottom, middle: (top + bottom) / 2, teacher: widen(teacher), student: widen(student) };
}

/** The ribbon under a point between the lines, the heaviest first. */
function ribbonUnder({ ribbons }: Ribbons, frame: RibbonFrame, x: number, y: number): Ribbon | undefined {
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
  const index = plan[side].texts.findIndex((_, i) => {
    const box = tokenBox(frame, side, plan[side], i);
    return x >= box.x && x < box.x + box.width;
  });
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

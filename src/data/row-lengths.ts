// How long rows are against the limits they are read with: which are cut, which drop out for their length, and which
// limits would keep 95 of 100 whole.

import type { Sequence, WholeLengths } from "./encode";

/** A row without limits, on both sides; of two views the longer one. */
interface RowLengths {
  readonly student: WholeLengths;
  readonly teacher: WholeLengths;
}

/** What became of a row under the limits; a cut reply has no end. */
type Fate = "whole" | "prompt cut" | "reply cut" | "too long";

export interface MeasuredRow {
  readonly lengths: RowLengths;
  readonly fate: Fate;
}

export interface LengthReport {
  /** Rows that could be read at all. */
  readonly rows: number;
  readonly fates: Readonly<Record<Fate, number>>;
  /** Limits that keep `share` of the rows whole; absent where the present ones keep 95 of 100. */
  /** Rows that a model's own positions cut, where the limits reach as far as these: no setting keeps them whole. */
  readonly beyond: readonly { readonly side: Side; readonly rows: number; readonly positions: number }[];
  readonly better?: { readonly maxLength: number; readonly maxPrompt: number; readonly share: number };
}

/** Tokens that a model has positions for. */
export interface Positions {
  readonly student: number;
  readonly teacher: number;
}

/** The share of rows that limits should keep whole. */
const WANTED = 0.95;
/** What a config admits. */
const MOST = 512;
const LEAST = { maxLength: 8, maxPrompt: 4 };

/** A row's lengths and fate from its sequences, both sides of each view. */
export function measured(
  views: readonly { readonly student: Sequence; readonly teacher: Sequence }[],
): MeasuredRow {
  const sequences = views.flatMap(({ student, teacher }) => [student, teacher]);
  const side = (which: Side): WholeLengths => longestOf(views.map((view) => wholeOf(view[which])));
  const replyCut = sequences.some((sequence) => {
    const { prompt, length } = wholeOf(sequence);
    return sequence.ids.length - sequence.promptLength < length - prompt;
  });
  const cut = sequences.some(({ truncated }) => truncated);
  return {
    lengths: { student: side("student"), teacher: side("teacher") },
    fate: replyCut ? "reply cut" : cut ? "prompt cut" : "whole",
  };
}

const wholeOf = ({ whole, promptLength, ids }: Sequence): WholeLengths =>
  whole ?? { prompt: promptLength, length: ids.length };

export const longestOf = (views: readonly WholeLengths[]): WholeLengths => ({
  prompt: Math.max(...views.map(({ prompt }) => prompt)),
  length: Math.max(...views.map(({ length }) => length)),
});

/** @param limits that the rows were read with */
export function reportLengths(
  rows: readonly MeasuredRow[],
  positions: Positions,
  limits: Readonly<Record<Side, { readonly maxLength: number }>>,
): LengthReport {
  const count = (fate: Fate): number => rows.filter((row) => row.fate === fate).length;
  const fates = {
    whole: count("whole"),
    "prompt cut": count("prompt cut"),
    "reply cut": count("reply cut"),
    "too long": count("too long"),
  };
  const lengths = rows.map((row) => row.lengths);
  const better = fates.whole >= WANTED * rows.length ? undefined : betterLimits(lengths, positions);
  const beyond = SIDES.map((side) => {
    const most = positions[side] + 1; // the last token is only predicted
    const cut = rows.filter((row) => row.fate !== "whole" && row.lengths[side].length > most);
    return { side, positions: positions[side], rows: limits[side].maxLength >= most ? cut.length : 0 };
  }).filter((side) => side.rows > 0);
  return {
    rows: rows.length,
    fates,
    beyond,
    ...(better && better.share * rows.length > fates.whole && { better }),
  };
}

type Side = keyof RowLengths;
const SIDES = ["student", "teacher"] as const;

/** The smallest limits that keep the wanted share, or, where the models' positions forbid it, the largest share there is. */
function betterLimits(rows: readonly RowLengths[], positions: Positions): LengthReport["better"] {
  const longest = (row: RowLengths, of: keyof WholeLengths) =>
    Math.max(...SIDES.map((side) => row[side][of]));
  const possible = rows
    .filter((row) => SIDES.every((side) => row[side].length <= Math.min(MOST, positions[side] + 1)))
    .toSorted((a, b) => longest(a, "length") - longest(b, "length"));
  const kept = possible.slice(0, Math.ceil(WANTED * rows.length));
  if (kept.length === 0) return undefined;
  const most = (of: keyof WholeLengths) => kept.reduce((max, row) => Math.max(max, longest(row, of)), 0);
  const maxLength = Math.max(LEAST.maxLength, most("length"));
  const maxPrompt = Math.min(maxLength - 1, Math.max(LEAST.maxPrompt, most("prompt")));
  const whole = possible.filter(
    (row) => longest(row, "length") <= maxLength && longest(row, "prompt") <= maxPrompt,
  );
  return { maxLength, maxPrompt, share: whole.length / rows.length };
}

/** In words; nothing where no row is cut or too long. */
export function lengthLines({ rows, fates, beyond, better }: LengthReport): string[] {
  const touched = rows - fates.whole;
  if (touched === 0) return [];
  const part = (n: number, one: string, more: string): string[] =>
    n === 0 ? [] : [`${n} ${n === 1 ? one : more}`];
  const parts = [
    ...part(fates["reply cut"], "loses the end of its answer", "lose the end of their answer"),
    ...part(fates["prompt cut"], "loses the end of its prompt", "lose the end of their prompt"),
    ...part(fates["too long"], "cannot be cut and drops out", "cannot be cut and drop out"),
  ];
  const now = `${touched} of ${rows} rows ${touched === 1 ? "is" : "are"} longer than the limits: ${parts.join(", ")}. ${percent(fates.whole / rows)} stay whole`;
  const models = beyond.map(
    ({ side, rows: count, positions }) =>
      `${count} of these ${count === 1 ? "is" : "are"} cut by the ${side}'s own limit of ${positions} positions, not by data.maxLength: no setting keeps ${count === 1 ? "it" : "them"} whole.`,
  );
  if (!better) return [`${now}.`, ...models];
  const most = better.share < WANTED ? " (with these models' positions it cannot be more)" : "";
  return [
    `${now}; data.maxLength ${better.maxLength} and data.maxPrompt ${better.maxPrompt} would keep ${percent(better.share)}${most}.`,
    ...models,
  ];
}

const percent = (share: number): string => `${Math.floor(100 * share + 1e-9)} %`;

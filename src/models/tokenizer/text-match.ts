// Where two byte strings are the same text. Tokenizers do not only cut text: they put a space in front, compose or
// decompose letters (NFC, NFKC), fold case and accents, drop spaces, and write one text for what they do not know.
//
// The two strings are divided into stretches, in order and without gaps:
//
//   a   "The  ﬁle ☕ is"        same "The ", dropped " ", equal "ﬁ" = "fi", same "le ", different "☕" / "[UNK]", same " is"
//   b   "The file [UNK] is"
//
// After a difference the strings go on where they next agree, with the least text skipped.

import { afterMarks, byteLength, characterAt, continues, folded, isMark, SPACE } from "./text-letters";
import { resumption } from "./text-resume";

export interface Stretch {
  /**
   * `same`: byte for byte. `equal`: the same letters in another form; nothing inside corresponds. `dropped`: white space
   * or invisible characters that one side lacks. `different`: another text, or text that one side lacks.
   */
  readonly kind: "same" | "equal" | "dropped" | "different";
  /** Bytes [from, to) of either string. */
  readonly a: readonly [from: number, to: number];
  readonly b: readonly [from: number, to: number];
}

/** What comes next, and where it ends in either string. */
type Step = [kind: Stretch["kind"], a: number, b: number];

/** Characters that one letter may stand for: NFKC writes U+FDFA as 18. */
const LONGEST_FORM = 24;

export function matchTexts(a: Uint8Array, b: Uint8Array): Stretch[] {
  const stretches: Stretch[] = [];
  const resume = resumption(a, b);
  let [i, j] = [0, 0];
  const push = (...[kind, toA, toB]: Step): void => {
    if (toA > i || toB > j) stretches.push({ kind, a: [i, toA], b: [j, toB] });
    [i, j] = [toA, toB];
  };
  push("dropped", ...leadingSpace(a, b));
  while (i < a.length || j < b.length) {
    const run = wholeCharacters(a, b, i, j, commonRun(a, b, i, j));
    push("same", i + run, j + run);
    if (i === a.length && j === b.length) break;
    const rewritten = dropped(a, b, i, j, same) ?? equal(a, b, i, j) ?? dropped(a, b, i, j, alike);
    if (rewritten) {
      push(...rewritten);
      continue;
    }
    const next = resume(i, j) ?? [a.length, b.length];
    push("different", ...beforeSpace(a, b, [i, j], next));
  }
  return stretches;
}

/** A tokenizer's space in front of the text: on the side where leaving it out lets the most text agree. */
function leadingSpace(a: Uint8Array, b: Uint8Array): [number, number] {
  const run = commonRun(a, b, 0, 0);
  if (a[0] === SPACE && commonRun(a, b, 1, 0) > run) return [1, 0];
  if (b[0] === SPACE && commonRun(a, b, 0, 1) > run) return [0, 1];
  return [0, 0];
}

function commonRun(a: Uint8Array, b: Uint8Array, i: number, j: number): number {
  let n = 0;
  while (i + n < a.length && j + n < b.length && a[i + n] === b[j + n]) n++;
  return n;
}

/** A run of equal bytes ends where a character ends, accents included: one that goes on differently is not the same. */
function wholeCharacters(a: Uint8Array, b: Uint8Array, i: number, j: number, run: number): number {
  if (i + run === a.length && j + run === b.length) return run;
  let n = run;
  const inside = (): boolean => continues(a[i + n]) || continues(b[j + n]);
  const cut = i + run === a.length || j + run === b.length; // a text that was cut, inside a character perhaps
  while (!cut && n > 0 && run - n < 3 && inside()) n--;
  if (!cut && inside()) return run; // bytes that are no UTF-8
  while (n > 0 && (isMark(characterAt(a, i + n)) || isMark(characterAt(b, j + n))))
    n = before(a, i, i + n) - i;
  return n;
}

/** Where the character before `at` begins, not before `from`. */
function before(bytes: Uint8Array, from: number, at: number): number {
  let start = at - 1;
  while (start > from && continues(bytes[start])) start--;
  return Math.max(from, start);
}

/** The shortest beginnings of both rests that are the same letters, with the accents that follow. */
function equal(a: Uint8Array, b: Uint8Array, i: number, j: number): Step | undefined {
  let [x, y, formA, formB] = [i, j, "", ""];
  for (let steps = 0; steps < 2 * LONGEST_FORM; steps++) {
    const growA = formA.length <= formB.length;
    const char = growA ? characterAt(a, x) : characterAt(b, y);
    if (char === undefined) return undefined;
    if (growA) [x, formA] = [x + byteLength(char), formA + folded(char)];
    else [y, formB] = [y + byteLength(char), formB + folded(char)];
    if (formA === formB && formA !== "") return ["equal", afterMarks(a, x), afterMarks(b, y)];
    if (!formA.startsWith(formB) && !formB.startsWith(formA)) return undefined;
  }
  return undefined;
}

type Agreement = (one: string, other: string) => boolean;
const same: Agreement = (one, other) => one === other;
/** One of them may stand for more letters than the other. */
const alike: Agreement = (one, other) => {
  const [x, y] = [folded(one), folded(other)];
  return x !== "" && y !== "" && (x.startsWith(y) || y.startsWith(x));
};

/** White space and invisible characters of one side, if the other goes on with what follows them. */
function dropped(a: Uint8Array, b: Uint8Array, i: number, j: number, agree: Agreement): Step | undefined {
  const [x, y] = [afterInvisible(a, i, b, j, agree), afterInvisible(b, j, a, i, agree)];
  if (x !== undefined && (y === undefined || x - i <= y - j)) return ["dropped", x, j];
  return y === undefined ? undefined : ["dropped", i, y];
}

/** Where `bytes` goes on after such characters as `other` does at `at`. */
function afterInvisible(
  bytes: Uint8Array,
  from: number,
  other: Uint8Array,
  at: number,
  agree: Agreement,
): number | undefined {
  const wanted = characterAt(other, at);
  for (let place = from; place < bytes.length;) {
    const char = characterAt(bytes, place);
    if (char === undefined) return undefined;
    if (place > from && wanted !== undefined && agree(char, wanted)) return place;
    if (folded(char).trim() !== "" || (char === "▁" && agree === same)) return undefined;
    place += byteLength(char);
  }
  return at === other.length && from < bytes.length ? bytes.length : undefined;
}

/** White space before the place where one side goes on belongs to what follows it. */
function beforeSpace(
  a: Uint8Array,
  b: Uint8Array,
  [i, j]: readonly [number, number],
  [x, y]: readonly [number, number],
): [number, number] {
  if (x === a.length && y === b.length) return [x, y];
  const back = (bytes: Uint8Array, from: number, at: number): number => {
    let place = at;
    while (place > from && bytes[place - 1] === SPACE) place--;
    return place;
  };
  const [backA, backB] = [back(a, i, x), back(b, j, y)];
  return backA > i || backB > j ? [backA, backB] : [x, y];
}

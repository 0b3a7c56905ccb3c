// Where two byte strings are the same text. Tokenizers do not only cut text: they put a space in front, compose or
// decompose letters (NFC, NFKC), fold case and accents, drop spaces, and write one text for what they do not know.
//
// The two strings are divided into stretches, in order and without gaps:
//
//   a   "The  ﬁle ☕ is"        same "The ", dropped " ", equal "ﬁ" = "fi", same "le ", different "☕" / "[UNK]", same " is"
//   b   "The file [UNK] is"
//
// After a difference the strings go on where they next agree, with the least text skipped.

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

/** Bytes that must agree before a text goes on after a difference, unless both end earlier. */
const [SURE, SURER] = [6, 12];
/** Bytes skipped on both sides together up to which every pair of places is tried. */
const NEAR = 192;
/** Characters that one letter may stand for: NFKC writes U+FDFA as 18. */
const LONGEST_FORM = 24;

export function matchTexts(a: Uint8Array, b: Uint8Array): Stretch[] {
  const stretches: Stretch[] = [];
  const far = farPlaces(a, b);
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
    const next = nearPlace(a, b, i, j) ?? far(i, j) ?? [a.length, b.length];
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
  while (n > 0 && run - n < 3 && inside()) n--;
  if (inside()) return run; // bytes that are no UTF-8
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

/** The nearest place at which both go on alike; of equally near ones the one with the longest agreement. */
function nearPlace(a: Uint8Array, b: Uint8Array, i: number, j: number): [number, number] | undefined {
  for (let skipped = 1; skipped <= NEAR; skipped++) {
    let best: [number, number] | undefined;
    let longest = 0;
    for (let x = i; x <= i + skipped; x++) {
      const y = j + skipped - (x - i);
      if (a[x] !== b[y] || x >= a.length || y >= b.length || continues(a[x])) continue;
      const run = commonRun(a, b, x, y);
      const sure = run >= SURE || (x + run === a.length && y + run === b.length);
      if (sure && run > longest) [best, longest] = [[x, y], run];
    }
    if (best) return best;
  }
  return undefined;
}

/** The same at any distance, for longer agreements, by an index that is made when it is first asked. */
function farPlaces(a: Uint8Array, b: Uint8Array) {
  const gram = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + SURER));
  let index: Map<string, number[]> | undefined;
  const inB = (): Map<string, number[]> => {
    if (index) return index;
    index = new Map();
    for (let y = 0; y + SURER <= b.length; y++) {
      const places = index.get(gram(b, y));
      if (places) places.push(y);
      else index.set(gram(b, y), [y]);
    }
    return index;
  };
  return (i: number, j: number): [number, number] | undefined => {
    let best: [number, number] | undefined;
    for (let x = i; x + SURER <= a.length; x++) {
      if (best && x - i >= best[0] - i + (best[1] - j)) break;
      if (continues(a[x])) continue;
      const y = inB()
        .get(gram(a, x))
        ?.find((place) => place >= j);
      if (y !== undefined && (!best || x + y < best[0] + best[1])) best = [x, y];
    }
    return best;
  };
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

const SPACE = 0x20;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The character that begins there; undefined at the end and for bytes that are no character. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const lead = bytes[at];
  if (lead === undefined) return undefined;
  if (lead < 0x80) return String.fromCharCode(lead);
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    return undefined;
  }
}

function byteLength(char: string): number {
  const point = char.codePointAt(0) ?? 0;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/** An accent, half-width voicing marks included: part of the letter before it. */
const isMark = (char: string | undefined): boolean =>
  char !== undefined && char >= "\u0300" && /^\p{M}+$/u.test(char.normalize("NFKD"));

function afterMarks(bytes: Uint8Array, from: number): number {
  for (let at = from; ;) {
    const char = characterAt(bytes, at);
    if (char === undefined || !isMark(char)) return at;
    at += byteLength(char);
  }
}

const forms = new Map<string, string>();

/** Without accents, case, compatibility forms and invisible characters; any white space, and SentencePiece's ▁, as a space. */
function folded(char: string): string {
  let form = forms.get(char);
  if (form === undefined) {
    form = /[\s▁]/u.test(char)
      ? " "
      : char
          .normalize("NFKD")
          .toLowerCase()
          .normalize("NFKD")
          .replaceAll(/[\p{M}\p{Cc}\p{Cf}]/gu, "")
          .replaceAll("ς", "σ")
          .replaceAll(/\s/gu, " ");
    forms.set(char, form);
  }
  return form;
}

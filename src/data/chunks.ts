// Alignment of two tokenizations of one text: a chunk closes where both end at the same place of it.
//
//   student  |Hel|lo |wor|ld|          ends 3 6 9 11
//   teacher  |Hello| |world|           ends 5 6 11      →  chunks [0,2)×[0,2), [2,4)×[2,3)
//
// Places are bytes, not characters: a tokenizer may cut inside a character. What a tokenizer does to a text before it
// cuts (a space in front, NFC, lower case) does not part the two, and after a difference the chunks go on where the texts
// do (src/models/tokenizer/text-match.ts). Tokens without text (BOS, EOS, an empty piece) join the chunk that follows; those
// after the last common end belong to none.
import { matchTexts } from "../models/tokenizer/text-match";

/** Tokens [from, to) of either side that stand for the same text. */
export interface Chunk {
  readonly student: readonly [from: number, to: number];
  readonly teacher: readonly [from: number, to: number];
}

/**
 * @param student, teacher the bytes of each token.
 * @returns chunks in order. Tokens between two chunks belong to none: at least one of them covers text that differs.
 */
export function alignChunks(student: readonly Uint8Array[], teacher: readonly Uint8Array[]): Chunk[] {
  const [s, t] = [joined(student), joined(teacher)];
  const [endsS, endsT] = [firstByEnd(s.ends), firstByEnd(t.ends)];
  const chunks: Chunk[] = [];
  // Of the last place where a chunk closed, or where a difference ended: bytes and tokens.
  let [byteS, byteT, fromS, fromT] = [0, 0, 0, 0];
  let differs = false;
  const boundary = (x: number, y: number): void => {
    const k = x === byteS ? fromS - 1 : endsS.get(x);
    const l = y === byteT ? fromT - 1 : endsT.get(y);
    if (k === undefined || l === undefined) return;
    const both = x > byteS && y > byteT;
    if (!differs && !both) return;
    if (!differs) chunks.push({ student: [fromS, k + 1], teacher: [fromT, l + 1] });
    [byteS, byteT, fromS, fromT, differs] = [x, y, k + 1, l + 1, false];
  };
  let next = 0; // of the student's ends
  for (const { kind, a, b } of matchTexts(s.bytes, t.bytes)) {
    if (kind === "different") differs = true;
    for (; (s.ends[next] ?? Infinity) < a[1]; next++)
      if (kind === "same") boundary(s.ends[next] ?? 0, b[0] + (s.ends[next] ?? 0) - a[0]);
    boundary(a[1], b[1]);
  }
  return chunks;
}

/** All tokens as one text, and where each ends. */
export function joined(tokens: readonly Uint8Array[]): { bytes: Uint8Array; ends: number[] } {
  const ends: number[] = [];
  let length = 0;
  for (const token of tokens) ends.push((length += token.length));
  const bytes = new Uint8Array(length);
  tokens.forEach((token, k) => bytes.set(token, (ends[k] ?? 0) - token.length));
  return { bytes, ends };
}

/** The first token that reaches each end, ends ascending. */
function firstByEnd(ends: readonly number[]): Map<number, number> {
  const first = new Map<number, number>();
  ends.forEach((end, k) => {
    if (!first.has(end)) first.set(end, k);
  });
  return first;
}

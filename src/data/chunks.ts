// Exact alignment of two tokenizations of one text: a chunk closes where both end on the same byte.
//
//   student  |Hel|lo |wor|ld|          ends 3 6 9 11
//   teacher  |Hello| |world|           ends 5 6 11      →  chunks [0,2)×[0,2), [2,4)×[2,3)
//
// Bytes, not characters: a tokenizer may cut inside a character. Tokens without text (BOS, EOS, an empty piece) have no
// bytes; they join the chunk that follows, and those after the last common end belong to none.

/** Tokens [from, to) of either side that stand for the same bytes. */
export interface Chunk {
  readonly student: readonly [from: number, to: number];
  readonly teacher: readonly [from: number, to: number];
}

const SPACE = 0x20;

/**
 * @param student, teacher the bytes of each token. A space that only one side begins with (metaspace tokenizers add one)
 *   does not count. Where the texts differ, what follows belongs to no chunk.
 */
export function alignChunks(student: readonly Uint8Array[], teacher: readonly Uint8Array[]): Chunk[] {
  const [s, t] = [joined(student), joined(teacher)];
  const [skipS, skipT] = s.bytes[0] === t.bytes[0] ? [0, 0] : [leadingSpace(s.bytes), leadingSpace(t.bytes)];
  const common = commonPrefix(s.bytes.subarray(skipS), t.bytes.subarray(skipT));
  const teacherEnds = firstIndexByEnd(t.ends, skipT);
  const chunks: Chunk[] = [];
  let [fromS, fromT] = [0, 0];
  for (const [end, k] of firstIndexByEnd(s.ends, skipS)) {
    const l = teacherEnds.get(end);
    if (l === undefined || end > common || end <= 0) continue;
    chunks.push({ student: [fromS, k + 1], teacher: [fromT, l + 1] });
    [fromS, fromT] = [k + 1, l + 1];
  }
  return chunks;
}

function joined(tokens: readonly Uint8Array[]): { bytes: Uint8Array; ends: number[] } {
  const ends: number[] = [];
  let length = 0;
  for (const token of tokens) ends.push((length += token.length));
  const bytes = new Uint8Array(length);
  tokens.forEach((token, k) => bytes.set(token, (ends[k] ?? 0) - token.length));
  return { bytes, ends };
}

const leadingSpace = (bytes: Uint8Array): number => (bytes[0] === SPACE ? 1 : 0);

function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

/** The first token that reaches each end, ends ascending and counted after `skip` bytes. */
function firstIndexByEnd(ends: readonly number[], skip: number): Map<number, number> {
  const first = new Map<number, number>();
  ends.forEach((end, k) => {
    if (!first.has(end - skip)) first.set(end - skip, k);
  });
  return first;
}

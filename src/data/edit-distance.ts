// Levenshtein distance over code points: how many insertions, deletions and substitutions turn one text into another.

/** Longest pattern whose columns fit into one machine word. */
export const WORD_BITS = 32;

export const codePoints = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);

export function editDistance(a: readonly number[], b: readonly number[]): number {
  const [pattern, text] = a.length <= b.length ? [a, b] : [b, a];
  if (pattern.length === 0) return text.length;
  if (pattern.length > WORD_BITS) return byRows(pattern, text);
  const masks = new Map<number, number>();
  pattern.forEach((char, i) => masks.set(char, (masks.get(char) ?? 0) | (1 << i)));
  return distanceByBits(pattern.length, text, 0, text.length, (char) => masks.get(char) ?? 0);
}

/**
 * Myers' bit-parallel form (as in Hyyrö 2003): one word holds how a whole column of the table changes downwards.
 *
 * @param length of the pattern, 1 to 32. @param mask the positions of a character in the pattern, as bits.
 * @param text read from `from` to `to`.
 */
export function distanceByBits(
  length: number,
  text: ArrayLike<number>,
  from: number,
  to: number,
  mask: (char: number) => number,
): number {
  const last = 1 << (length - 1);
  let [up, down, score] = [-1, 0, length]; // bits where the column grows, where it shrinks, and its last value
  for (let i = from; i < to; i++) {
    const equal = mask(text[i] ?? 0);
    const vertical = equal | down;
    const horizontal = ((((equal & up) + up) | 0) ^ up) | equal; // the sum's carry runs along the matches
    let grows = down | ~(horizontal | up);
    let shrinks = up & horizontal;
    if (grows & last) score++;
    if (shrinks & last) score--;
    grows = (grows << 1) | 1;
    shrinks <<= 1;
    up = shrinks | ~(vertical | grows);
    down = grows & vertical;
  }
  return score;
}

/** The textbook table, row by row. */
function byRows(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

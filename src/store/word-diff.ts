// Which words or tokens of an answer changed: longest common subsequence over them, spaces kept.

export interface DiffPart {
  readonly text: string;
  readonly changed: boolean;
}

export interface WordDiff {
  readonly before: readonly DiffPart[];
  readonly now: readonly DiffPart[];
  readonly changed: number;
}

export const diffWords = (before: string, now: string): WordDiff => diffParts(words(before), words(now));

/** The same over given parts of the two texts, such as a model's tokens. */
export function diffParts(a: readonly string[], b: readonly string[]): WordDiff {
  const kept = commonPairs(a, b);
  const keptA = new Set(kept.map(([i]) => i));
  const keptB = new Set(kept.map(([, j]) => j));
  return {
    before: merge(a, keptA),
    now: merge(b, keptB),
    changed: Math.max(countWords(a, keptA), countWords(b, keptB)),
  };
}

/** Words that are not kept; blanks do not count. */
const countWords = (parts: readonly string[], kept: ReadonlySet<number>): number =>
  parts.filter((part, i) => !kept.has(i) && part.trim() !== "").length;

const words = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];

function commonPairs(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  // length[i, j]: longest common subsequence of a[i..] and b[j..]
  const length = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => length[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

/** Neighbours of the same kind become one part; a blank between two changed words belongs to them. */
function merge(parts: readonly string[], kept: ReadonlySet<number>): DiffPart[] {
  const changed = parts.map((_, i) => !kept.has(i));
  for (let i = 1; i + 1 < parts.length; i++)
    if (!parts[i]?.trim() && changed[i - 1] && changed[i + 1]) changed[i] = true;
  const merged: { text: string; changed: boolean }[] = [];
  parts.forEach((text, i) => {
    const last = merged.at(-1);
    if (last && last.changed === changed[i]) last.text += text;
    else merged.push({ text, changed: changed[i] ?? false });
  });
  return merged;
}

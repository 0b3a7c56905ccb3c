// Scoring answers: the bundled tasks end a chain of thought with "… the answer is: X", and a direct output is X alone.

/** The text after the last "answer is", or the whole text when there is none; trimmed, without a closing period. */
export function extractAnswer(text: string): string {
  const after = text.split(/answer is:?/i).at(-1) ?? text;
  return after.trim().replace(/\.$/, "").trim();
}

/** Both sides are reduced to their answer first. */
export const exactMatch = (generated: string, expected: string): boolean =>
  extractAnswer(generated) === extractAnswer(expected);

/**
 * ROUGE-L of two texts (Lin 2004): the F-measure of their longest common subsequence of words, from 0 to 1. Words are
 * runs of letters and digits in lower case, without a stemmer.
 */
export function rougeL(generated: string, reference: string): number {
  const [a, b] = [words(generated), words(reference)];
  const common = commonSubsequence(a, b);
  if (common === 0) return 0;
  const [precision, recall] = [common / a.length, common / b.length];
  return (2 * precision * recall) / (precision + recall);
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The length of the longest common subsequence. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  for (const word of a) {
    const row = new Uint32Array(b.length + 1);
    b.forEach((other, j) => {
      row[j + 1] = word === other ? (before[j] ?? 0) + 1 : Math.max(row[j] ?? 0, before[j + 1] ?? 0);
    });
    before = row;
  }
  return before[b.length] ?? 0;
}

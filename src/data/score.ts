// Scoring answers: the bundled tasks end a chain of thought with "… the answer is: X", and a direct output is X alone.

/** The text after the last "answer is", or the whole text when there is none; trimmed, without a closing period. */
export function extractAnswer(text: string): string {
  const after = text.split(/answer is:?/i).at(-1) ?? text;
  return after.trim().replace(/\.$/, "").trim();
}

/** Both sides are reduced to their answer first. */
export const exactMatch = (generated: string, expected: string): boolean =>
  extractAnswer(generated) === extractAnswer(expected);

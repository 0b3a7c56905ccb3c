// Letters of tokens, where they must fit.

export const longest = (texts: readonly string[]): number =>
  texts.reduce((n, text) => Math.max(n, [...text].length), 1);

export function shorten(label: string, chars: number): string {
  const letters = [...label];
  return letters.length <= chars ? label : `${letters.slice(0, Math.max(1, chars - 1)).join("")}…`;
}

const BYTE = /⟨([0-9A-F]{2})⟩/g;

export const hasByteTokens = (texts: readonly string[]): boolean =>
  texts.some((text) => text.search(BYTE) >= 0);

/** A token's label in so many characters: bytes lose their brackets before they lose a digit. */
export function tokenLabel(text: string, chars: number): string {
  if ([...text].length <= chars) return text;
  return shorten(text.replaceAll(BYTE, "$1"), Math.max(1, chars));
}

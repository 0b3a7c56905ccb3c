// Which bytes of a text each of its tokens stands for, whatever the tokenizer does to text before it cuts: adds a space
// in front (SentencePiece), drops spaces, case and accents (WordPiece), composes letters (NFC, NFKC), falls back to bytes
// or to an unknown token. The spans tile the text: each begins where the one before ended, the last ends with the text.

import { matchTexts, type Stretch } from "./text-match";

export interface TokenSpans {
  readonly ids: readonly number[];
  /** Token i covers bytes starts[i] to ends[i] of the text's UTF-8. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

interface Reader {
  encode(text: string): number[];
  tokenBytes(id: number): Uint8Array;
  /** A token that stands for no text unless the text writes it out: BOS, EOS, padding. */
  isSpecial?(id: number): boolean;
}

const encoder = new TextEncoder();

/** @param ids the text's tokens, where they are known; special ones around it cover nothing. */
export function tokenSpans(
  tokenizer: Reader,
  text: string,
  ids: readonly number[] = tokenizer.encode(text),
): TokenSpans {
  const bytes = encoder.encode(text);
  const tokens = bytesWithin(tokenizer, ids, text);
  const whole = Uint8Array.from(tokens.flatMap((token) => [...token]));
  const stretches = matchTexts(bytes, whole);
  const ends: number[] = [];
  let [at, k] = [0, 0];
  for (const token of tokens) {
    at += token.length;
    while ((stretches[k]?.b[1] ?? Infinity) < at) k++;
    ends.push(place(stretches[k], at));
  }
  // Spaces that a tokenizer drops at the end belong to the last token that stands for text.
  const last = tokens.findLastIndex(({ length }) => length > 0);
  if (ends.length > 0) ends.fill(bytes.length, last < 0 ? ends.length - 1 : last);
  return { ids, starts: [0, ...ends.slice(0, -1)].slice(0, ends.length), ends };
}

/** The tokens' bytes, none for special tokens in front of and behind the text. */
function bytesWithin(tokenizer: Reader, ids: readonly number[], text: string): Uint8Array[] {
  const tokens = ids.map((id) => tokenizer.tokenBytes(id));
  const written = (k: number) => new TextDecoder().decode(tokens[k]);
  const special = (k: number) => tokenizer.isSpecial?.(ids[k] ?? -1) ?? false;
  let [from, to] = [0, ids.length];
  while (from < to && special(from) && !text.startsWith(written(from))) from++;
  while (from < to && special(to - 1) && !text.endsWith(written(to - 1))) to--;
  return tokens.map((token, k) => (k >= from && k < to ? token : token.subarray(0, 0)));
}

/** Where an end of a token lies in the text; inside letters of another form, and in unknown text, in proportion. */
function place(stretch: Stretch | undefined, end: number): number {
  if (!stretch) return 0;
  const { kind, a, b } = stretch;
  if (end <= b[0]) return a[0];
  if (kind === "same") return a[0] + end - b[0];
  return a[0] + Math.round(((end - b[0]) / (b[1] - b[0])) * (a[1] - a[0]));
}

// Which bytes of a text each of its tokens stands for, whatever the tokenizer does to text before it cuts: adds a space
// in front (SentencePiece), drops spaces, case and accents (WordPiece), composes letters (NFC, NFKC), falls back to bytes
// or to an unknown token. The spans tile the text: each begins where the one before ended, the last ends with the text.

import { matchTexts, type Stretch } from "./text-match";
import type { Tokenizer } from "./tokenizer";

export interface TokenSpans {
  readonly ids: readonly number[];
  /** Token i covers bytes ends[i − 1] (0 for the first) to ends[i] of the text's UTF-8. */
  readonly ends: readonly number[];
}

const encoder = new TextEncoder();

export function tokenSpans(tokenizer: Pick<Tokenizer, "encode" | "tokenBytes">, text: string): TokenSpans {
  const ids = tokenizer.encode(text);
  const bytes = encoder.encode(text);
  const tokens = ids.map((id) => tokenizer.tokenBytes(id));
  const whole = Uint8Array.from(tokens.flatMap((token) => [...token]));
  const stretches = matchTexts(bytes, whole);
  const ends: number[] = [];
  let [at, k] = [0, 0];
  for (const token of tokens) {
    at += token.length;
    while ((stretches[k]?.b[1] ?? Infinity) < at) k++;
    ends.push(place(stretches[k], at));
  }
  if (ends.length > 0) ends[ends.length - 1] = bytes.length; // spaces that a tokenizer drops at the end
  return { ids, ends };
}

/** Where an end of a token lies in the text; inside letters of another form, and in unknown text, in proportion. */
function place(stretch: Stretch | undefined, end: number): number {
  if (!stretch) return 0;
  const { kind, a, b } = stretch;
  if (end <= b[0]) return a[0];
  if (kind === "same") return a[0] + end - b[0];
  return a[0] + Math.round(((end - b[0]) / (b[1] - b[0])) * (a[1] - a[0]));
}

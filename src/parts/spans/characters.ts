// Spans of bytes as places of a JavaScript string.
import type { TokenSpans } from "../../models/tokenizer/token-spans";

export interface CharacterSpans {
  /** Token i touches text.slice(starts[i], ends[i]); UTF-16 code units. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A token that begins or ends inside a character gets the whole character, and so does its neighbour. */
export function characterSpans(
  text: string,
  { starts, ends }: Pick<TokenSpans, "starts" | "ends">,
): CharacterSpans {
  const before: number[] = []; // by byte: the place of the character that it belongs to
  const after: number[] = [0]; // by byte that comes next: the place behind the character of the one before it
  let place = 0;
  for (const char of text) {
    const bytes = encoder.encode(char).length;
    for (let k = 0; k < bytes; k++) {
      before.push(place);
      after.push(place + char.length);
    }
    place += char.length;
  }
  before.push(place);
  const start = (byte: number) => before[byte] ?? place;
  return {
    starts: starts.map(start),
    ends: ends.map((end, i) => (end === starts[i] ? start(end) : (after[end] ?? place))),
  };
}

const encoder = new TextEncoder();

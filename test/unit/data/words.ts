import type { Row } from "../../../src/data";
import type { Tokenizer } from "../../../src/models";

/** One token per character: lengths in tests can be counted by eye. eos is 1, padding 0. */
export const letters: Tokenizer = {
  encode: (text) => Array.from(text, (char) => char.codePointAt(0)!),
  decode: (ids) => String.fromCodePoint(...ids),
  tokenText: (id) => String.fromCodePoint(id),
  tokenBytes: (id) => new TextEncoder().encode(String.fromCodePoint(id)),
  rawToken: (id) => String.fromCodePoint(id),
  scheme: "byte-level",
  isAdded: (id) => id < 2,
  eosId: 1,
  stopIds: [1],
  padId: 0,
  vocabSize: 0x110000,
};

/** Two characters to a token: another tokenizer of the same text. */
export const pairs: Tokenizer = {
  ...letters,
  encode: (text) =>
    (text.match(/..?/gsu) ?? []).map((pair) => 1000 + pair.length * 1000 + pair.codePointAt(0)!),
};

export const row = (prompt: string, output: string, more: Partial<Row> = {}): Row => ({
  id: "r",
  prompt,
  output,
  ...more,
});

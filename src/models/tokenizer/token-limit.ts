// A tokenizer may know more tokens than its model has embeddings for: every Gemma 3 text model's (<image_soft_token>),
// Code Llama's, one that was given a [PAD]. Such a model is whole; only a text with such a token cannot be read.

import { ModelError } from "../errors";

/** As much of a tokenizer as a limit changes and names. */
interface Limited {
  encode(text: string): number[];
  rawToken(id: number): string;
  isAdded(id: number): boolean;
  readonly eosId: number;
  readonly stopIds: readonly number[];
  readonly padId: number;
  readonly vocabSize: number;
  readonly around?: { readonly start: readonly number[]; readonly end: readonly number[] };
}

/** What stands for an id that no token has. */
export const unusedToken = (id: number): string => `<unused ${id}>`;

/** Tokens of the vocabulary proper that a model may lack: more of them, and the tokenizer is another model's. */
const mostLacking = (rows: number): number => Math.max(64, Math.floor(rows / 100));

/**
 * The tokenizer as a model of so many embeddings reads: a text with a token beyond them is refused, by name.
 *
 * @throws ModelError when the tokenizer is another model's, or the token that ends a text has no embedding
 */
export function limitTokens<T extends Limited>(tokenizer: T, rows: number): T {
  const { vocabSize, eosId, padId, around = { start: [], end: [] } } = tokenizer;
  if (vocabSize <= rows) return tokenizer;
  const beyond = Array.from({ length: vocabSize - rows }, (_, i) => rows + i);
  const plain = beyond.filter((id) => !tokenizer.isAdded(id) && tokenizer.rawToken(id) !== unusedToken(id));
  if (plain.length > mostLacking(rows)) {
    throw new ModelError(
      "mismatch",
      `tokenizer.json has ${vocabSize} tokens, and config.json gives the model embeddings for ${rows}: ` +
        "it does not belong to this model. Take tokenizer.json and config.json from one model.",
      { file: "tokenizer.json" },
    );
  }
  if (eosId >= rows) throw lacking(tokenizer, eosId, rows, "the end of every text");
  const outside = [...around.start, ...around.end].find((id) => id >= rows);
  if (outside !== undefined) throw lacking(tokenizer, outside, rows, "put around every text");
  const checked = (ids: number[]): number[] => {
    const beyond = ids.find((id) => id >= rows);
    if (beyond !== undefined) throw lacking(tokenizer, beyond, rows, "part of this text");
    return ids;
  };
  return {
    ...tokenizer,
    encode: (text) => checked(tokenizer.encode(text)),
    stopIds: tokenizer.stopIds.filter((id) => id < rows),
    padId: padId < rows ? padId : eosId, // padding is masked: any token will do
    vocabSize: rows,
  };
}

const lacking = (tokenizer: Limited, id: number, rows: number, where: string): ModelError =>
  new ModelError(
    "mismatch",
    `the token ${JSON.stringify(tokenizer.rawToken(id))} (id ${id}) is ${where}, and the model has no embedding for it: it has ${rows}`,
    { file: "tokenizer.json" },
  );

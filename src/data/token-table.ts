// A tokenizer's vocabulary as alignments read it.

import type { TokenScheme } from "../models/tokenizer/token-bytes";
import type { TokenTable, TokenTables } from "./batch";

/** As much of a tokenizer as a table holds. */
interface Spelled {
  readonly vocabSize: number;
  readonly scheme: TokenScheme;
  rawToken(id: number): string;
  tokenBytes(id: number): Uint8Array;
  encode?(text: string): number[];
  readonly eosId?: number;
  readonly stopIds?: readonly number[];
  readonly padId?: number;
}

export const tokenTables = (student: Spelled, teacher: Spelled): TokenTables => ({
  student: tokenTable(student),
  teacher: tokenTable(teacher),
});

export const tokenTable = (tokenizer: Spelled): TokenTable => ({
  size: tokenizer.vocabSize,
  raw: (id) => tokenizer.rawToken(id),
  bytes: (id) => tokenizer.tokenBytes(id),
  space: tokenizer.scheme === "metaspace" ? "▁" : "Ġ",
  ...(tokenizer.eosId !== undefined && { end: tokenizer.eosId }),
  ...(tokenizer.encode && { encode: (text: string) => tokenizer.encode?.(text) ?? [] }),
  special: (id) => (tokenizer.stopIds?.includes(id) ?? false) || id === tokenizer.padId,
});

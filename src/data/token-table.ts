// A tokenizer's vocabulary as alignments read it.

import type { Tokenizer } from "../models";
import type { TokenTable, TokenTables } from "./batch";

export const tokenTables = (student: Tokenizer, teacher: Tokenizer): TokenTables => ({
  student: tokenTable(student),
  teacher: tokenTable(teacher),
});

export const tokenTable = (tokenizer: Tokenizer): TokenTable => ({
  size: tokenizer.vocabSize,
  raw: (id) => tokenizer.rawToken(id),
  bytes: (id) => tokenizer.tokenBytes(id),
  space: tokenizer.scheme === "metaspace" ? "▁" : "Ġ",
  end: tokenizer.eosId,
  special: (id) => tokenizer.stopIds.includes(id) || id === tokenizer.padId,
});

// The tokens that two vocabularies have in common.
import { matchedTokens as matchTables } from "../../data/matched-tokens";
import { tokenTable } from "../../data/token-table";
import type { ByteTokenizer } from "./read-tokenizer";

/**
 * Tokens that stand for the same bytes, one to one; where a vocabulary has several, those that both spell alike pair up
 * first, then the first by id. `by: "spelling"` compares what the vocabularies write instead, as published code does: that
 * parts "日" from its byte-level spelling, and pairs some that stand for other bytes.
 *
 * @returns ids of either side by place, the student's ascending.
 */
export function matchedTokens(
  student: ByteTokenizer,
  teacher: ByteTokenizer,
  { by = "bytes" }: { readonly by?: "bytes" | "spelling" } = {},
): { readonly student: readonly number[]; readonly teacher: readonly number[] } {
  return matchTables({ student: tokenTable(student), teacher: tokenTable(teacher) }, by);
}

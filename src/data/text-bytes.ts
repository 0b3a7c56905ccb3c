// The texts of responses, as the bytes of their tokens.
import { matchTexts } from "../models";
import type { TokenTable, TokenTables } from "./batch";
import { joined } from "./chunks";

/**
 * The bytes of a response's tokens. What ends it (the end of the sequence or of a turn) stands for no text; the same token
 * inside the text, where somebody wrote it out, stands for what was written.
 */
export function textBytes(ids: readonly number[], table: TokenTable): Uint8Array[] {
  const last = ids.length - 1;
  return ids.map((id, k) => (k === last && table.special?.(id) ? new Uint8Array() : table.bytes(id)));
}

/** What either side reads at the first place where two responses differ, in short; undefined where they do not. */
export function firstDifference(
  student: readonly number[],
  teacher: readonly number[],
  tables: TokenTables,
): { readonly student: string; readonly teacher: string } | undefined {
  const [s, t] = [joined(textBytes(student, tables.student)), joined(textBytes(teacher, tables.teacher))];
  const apart = matchTexts(s.bytes, t.bytes).find(({ kind }) => kind === "different");
  if (!apart) return undefined;
  const excerpt = (bytes: Uint8Array, [from]: readonly [number, number]) =>
    new TextDecoder().decode(bytes.subarray(from, from + EXCERPT));
  return { student: excerpt(s.bytes, apart.a), teacher: excerpt(t.bytes, apart.b) };
}

const EXCERPT = 24; // bytes

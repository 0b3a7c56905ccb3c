// How methods pair the tokens of two tokenizations of one response: by chunks of the same text (GOLD, ALM, shared
// vocabulary), by warping on edit distance (MinED), by position (ULD). Training and the Transport screen both ask here.

import type { TokenTable, TokenTables } from "./batch";
import { bytesAsSpelling } from "./batch";
import { alignChunks, type Chunk } from "./chunks";
import { warpPartners } from "./token-dtw";

export interface TokenPairings {
  readonly chunks: readonly Chunk[];
  /** MinED's path from its beginning: [student, teacher]. */
  readonly path: readonly (readonly [student: number, teacher: number])[];
  /** The k-th token with the k-th, up to here. */
  readonly positions: number;
}

/** Of the tokens of two texts, without what ends them; MinED reads them as bytes, its default. */
export function tokenPairings(
  student: readonly number[],
  teacher: readonly number[],
  tables: TokenTables,
): TokenPairings {
  const partners = warpedPartners(student, teacher, bytesAsSpelling(tables));
  return {
    chunks: tokenChunks(student, teacher, tables),
    path: partners.flatMap((list, j) => list.map((i) => [j, i] as const)),
    positions: sharedPositions(student.length, teacher.length),
  };
}

/** Chunks of the same text, of tokens that all stand for text. */
export function tokenChunks(
  student: readonly number[],
  teacher: readonly number[],
  tables: TokenTables,
): Chunk[] {
  const bytes = (ids: readonly number[], table: TokenTable) => ids.map((id) => table.bytes(id));
  return alignChunks(bytes(student, tables.student), bytes(teacher, tables.teacher));
}

/** For each student token, the teacher's tokens on the path, ascending: warped by their texts without space marks. */
export function warpedPartners(
  student: readonly number[],
  teacher: readonly number[],
  tables: TokenTables,
): number[][] {
  const texts = (ids: readonly number[], { raw, space }: TokenTable) =>
    ids.map((id) => raw(id).replaceAll(space, ""));
  return warpPartners(texts(teacher, tables.teacher), texts(student, tables.student));
}

/** ULD and MultiLevelOT pair the k-th token with the k-th as far as both go. */
export const sharedPositions = (student: number, teacher: number): number => Math.min(student, teacher);

// Tokens that both vocabularies have, one to one: those that stand for the same bytes, or, as published, those that both
// write alike, the teacher's space mark read as the student's.
//
// Spelling parts vocabularies that write bytes differently. Gemma 3 and Qwen3 have 95,969 tokens of the same bytes; 63,638
// are spelled alike, and 182 of these stand for other bytes (SentencePiece's "▁é" is " é", a byte-level "Ġé" is half a letter).
import type { TokenMatch } from "../config/methods";
import { type EndPair, tokenKey, type TokenTable, type TokenTables } from "./batch";

export interface MatchedTokens {
  /** Student and teacher ids of the same token, by student id. */
  readonly student: readonly number[];
  readonly teacher: readonly number[];
}

const known: Record<TokenMatch, WeakMap<TokenTables, MatchedTokens>> = {
  bytes: new WeakMap(),
  spelling: new WeakMap(),
};

export function matchedTokens(tokens: TokenTables, by: TokenMatch): MatchedTokens {
  let found = known[by].get(tokens);
  if (!found) known[by].set(tokens, (found = by === "bytes" ? matchBytes(tokens) : matchSpelling(tokens)));
  return found;
}

function matchSpelling({ student, teacher }: TokenTables): MatchedTokens {
  const teacherId = new Map<string, number>();
  for (let id = 0; id < teacher.size; id++) {
    const text = teacher.raw(id).replaceAll(teacher.space, student.space);
    if (!teacherId.has(text)) teacherId.set(text, id);
  }
  const matched: MatchedTokens & { student: number[]; teacher: number[] } = { student: [], teacher: [] };
  for (let id = 0; id < student.size; id++) {
    const text = student.raw(id);
    const other = teacherId.get(text);
    if (other === undefined) continue;
    teacherId.delete(text); // each teacher token once
    matched.student.push(id);
    matched.teacher.push(other);
  }
  return matched;
}

/** Where a vocabulary has several tokens of the same bytes, those that both spell alike pair up first, then the first by id. */
function matchBytes({ student, teacher }: TokenTables): MatchedTokens {
  const [own, others] = [byBytes(student), byBytes(teacher)];
  const pairs: [student: number, teacher: number][] = [];
  for (const [key, ids] of own) {
    const rest = [...(others.get(key) ?? [])];
    const unspelled = ids.filter((id) => {
      const wanted = student.raw(id);
      const at = rest.findIndex((other) => spelledAs(teacher, other, student) === wanted);
      if (at < 0) return true;
      for (const other of rest.splice(at, 1)) pairs.push([id, other]);
      return false;
    });
    unspelled.forEach((id, k) => {
      const other = rest[k];
      if (other !== undefined) pairs.push([id, other]);
    });
  }
  pairs.sort(([a], [b]) => a - b);
  return { student: pairs.map(([s]) => s), teacher: pairs.map(([, t]) => t) };
}

const spelledAs = (table: TokenTable, id: number, { space }: TokenTable): string =>
  table.raw(id).replaceAll(table.space, space);

/** Ids by what they stand for, ascending, a letter before the byte that is written <0x61>. Tokens without bytes are left out. */
function byBytes(table: TokenTable): Map<string, number[]> {
  const ids = new Map<string, number[]>();
  const bytes: [key: string, id: number][] = [];
  const add = (key: string, id: number) => {
    const list = ids.get(key);
    if (list) list.push(id);
    else ids.set(key, [id]);
  };
  for (let id = 0; id < table.size; id++) {
    const key = tokenKey(table, id);
    if (key === "") continue;
    if (/^<0x[0-9A-F]{2}>$/i.test(table.raw(id))) bytes.push([key, id]);
    else add(key, id);
  }
  for (const [key, id] of bytes) add(key, id);
  return ids;
}

/** The two tokens that end responses, where both tables name one. */
export const endsOf = ({ student, teacher }: TokenTables): EndPair[] =>
  student.end === undefined || teacher.end === undefined ? [] : [[student.end, teacher.end]];

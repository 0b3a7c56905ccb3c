// Tokens that both vocabularies write alike, the teacher's space mark read as the student's.
import type { TokenTables } from "../../data";
import { NO_ROW } from "../../student";

export interface MatchedTokens {
  /** Student and teacher ids of the same token, by student id. */
  readonly student: readonly number[];
  readonly teacher: readonly number[];
}

const known = new WeakMap<TokenTables, MatchedTokens>();

export function matchedTokens(tokens: TokenTables): MatchedTokens {
  let found = known.get(tokens);
  if (!found) known.set(tokens, (found = match(tokens)));
  return found;
}

function match({ student, teacher }: TokenTables): MatchedTokens {
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

/** Column indices padded with NO_ROW. */
export function columns(ids: readonly number[], capacity: number): Uint32Array {
  const all = new Uint32Array(capacity).fill(NO_ROW);
  all.set(ids);
  return all;
}

/** The ids below `size` that are not in the list, padded likewise to `size`. */
export function otherColumns(ids: readonly number[], size: number): Uint32Array {
  const taken = new Set(ids);
  return columns(
    Array.from({ length: size }, (_, id) => id).filter((id) => !taken.has(id)),
    size,
  );
}

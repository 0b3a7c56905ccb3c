// Which teacher position each student position takes its target from, METHODS §4:
//
//   ok_j ⇔ the warping gives student token j one teacher token i alone, and the vocabulary map sends that token to it
import type { TokenMatch } from "../../config/methods";
import {
  buildVocabularyMapNow,
  bytesAsSpelling,
  type Coverage,
  DataError,
  inverseMap,
  type MapOptions,
  type MapStore,
  type SideBatch,
  storedVocabularyMap,
  type TokenTables,
  type ViewBatch,
  type VocabularyMap,
  warpedPartners,
} from "../../data";
import { NO_ROW } from "../../student";

interface Prepared {
  /** As the method reads them. */
  readonly tokens: TokenTables;
  readonly map: VocabularyMap;
  /** Per pair of responses, so that the second epoch warps nothing. */
  readonly known: Map<string, Int32Array>;
}

/** A run has one pair of token tables: what is derived from it lives as long. */
const prepared: Record<TokenMatch, WeakMap<TokenTables, Prepared>> = {
  bytes: new WeakMap(),
  spelling: new WeakMap(),
};

const readBy = (tokens: TokenTables, by: TokenMatch): TokenTables =>
  by === "bytes" ? bytesAsSpelling(tokens) : tokens;

/** Have the map ready ahead of the first batch. To build that of a large pair takes minutes; see `MapStore`. */
export async function prepareVocabularyMap(
  tokens: TokenTables,
  by: TokenMatch,
  options: MapOptions & { readonly store?: MapStore | undefined } = {},
): Promise<VocabularyMap> {
  const found = prepared[by].get(tokens);
  if (found) return found.map;
  const read = readBy(tokens, by);
  const map = await storedVocabularyMap(read, options);
  prepared[by].set(tokens, { tokens: read, map, known: new Map() });
  return map;
}

export interface MinedAlignment {
  /** Teacher row by student row of the batch; NO_ROW where the label stands in. */
  readonly source: Uint32Array;
  /** Teacher token by student token, [studentVocab]. */
  readonly inverse: Uint32Array;
}

export function alignMined(
  view: ViewBatch,
  tokens: TokenTables | undefined,
  by: TokenMatch,
  studentVocab: number,
): MinedAlignment {
  if (!tokens)
    throw new DataError(
      "MinED compares token texts: it needs the token tables of both models (student_tokens, teacher_tokens)",
    );
  const prepared = preparedNow(tokens, by);
  return { source: sourcesOf(view, prepared), inverse: inverseMap(prepared.map, studentVocab) };
}

/** The teacher's row of each of the student's; NO_ROW where there is none. */
function sourcesOf(view: ViewBatch, { tokens, map, known }: Prepared): Uint32Array {
  const { student, teacher } = view;
  const source = new Uint32Array(student.labels.length).fill(NO_ROW);
  for (let b = 0; b < student.B; b++) {
    const [s, t] = [inputIds(student, b), inputIds(teacher, b)];
    const key = `${s.ids.join()}|${t.ids.join()}`;
    let partners = known.get(key);
    if (!partners) known.set(key, (partners = alignRow(s.ids, t.ids, tokens, map)));
    partners.forEach((i, j) => {
      if (i >= 0) source[s.from + j] = t.from + i;
    });
  }
  return source;
}

/** Student tokens that take their target from the teacher, and the teacher tokens that give it. */
export function minedCoverage(view: ViewBatch, tokens: TokenTables, by: TokenMatch): Coverage {
  const source = sourcesOf(view, preparedNow(tokens, by));
  const taken = source.filter((row) => row !== NO_ROW);
  return {
    student: { aligned: taken.length, tokens: source.length },
    teacher: { aligned: new Set(taken).size, tokens: view.teacher.labels.length },
  };
}

function preparedNow(tokens: TokenTables, by: TokenMatch): Prepared {
  let found = prepared[by].get(tokens);
  if (!found) {
    const read = readBy(tokens, by);
    found = { tokens: read, map: buildVocabularyMapNow(read), known: new Map() };
    prepared[by].set(tokens, found);
  }
  return found;
}

/** The teacher position of each student position, or −1. */
function alignRow(
  s: readonly number[],
  t: readonly number[],
  tokens: TokenTables,
  { toStudent }: VocabularyMap,
): Int32Array {
  return Int32Array.from(warpedPartners(s, t, tokens), (list, j) => {
    const [i = -1] = list;
    return list.length === 1 && toStudent[t[i] ?? -1] === s[j] ? i : -1;
  });
}

/** The input tokens at a sample's response positions, and its first row. */
function inputIds({ ids, rows, rowOffsets }: SideBatch, b: number) {
  const from = rowOffsets[b] ?? 0;
  const to = rowOffsets[b + 1] ?? from;
  return { from, ids: Array.from(rows.subarray(from, to), (row) => ids[row] ?? 0) };
}

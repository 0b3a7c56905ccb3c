// X-Token's map from one vocabulary to another (arXiv 2605.21699): which teacher tokens a student token stands for, and how
// much of it, by reading each token's text with the other tokenizer. Both ways count: a student token is cut into teacher
// tokens, and a teacher token into student tokens, each of which then stands for a part of it.
//
// Tokens of the same bytes stand for each other alone. What the published construction adds and is left out here: it moves 0.2 of
// every row to its last column, whose teacher id is arbitrary.
import type { TokenProjection, TokenTable, TokenTables } from "./batch";
import { DataError } from "./errors";
import { endsOf, matchedTokens } from "./matched-tokens";
import { likeness } from "./text-likeness";
import { type MapStore, pairHash } from "./vocabulary-map";

export interface ProjectionOptions {
  /** Tokens done, and all of them, of both vocabularies. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly store?: MapStore | undefined;
}

/** What the first, second, … piece of a token's text weighs. */
const PIECES = [0.9, 0.09, 0.009, 0.0009];
/** Special tokens: the least likeness of their names, and how much of it counts. */
const LEAST_LIKENESS = 0.3;
const OF_LIKENESS = 0.8;
/** Entries of a row before it is cut to the width. */
const KEPT = 32;
const SLICE_MS = 30;

/** The pair's map from the store, or built and stored. Rejects with the signal's reason when aborted. */
export async function storedProjection(
  tokens: TokenTables,
  width: number,
  { store, ...options }: ProjectionOptions,
): Promise<TokenProjection> {
  const key = `x-token-${width}-${pairHash(tokens)}`;
  const json = await store?.read(key).catch(() => undefined);
  if (json !== undefined) {
    try {
      return parseProjection(json, key, tokens, width);
    } catch (error) {
      if (!(error instanceof DataError)) throw error; // a damaged entry is replaced below
    }
  }
  const made = await buildProjection(tokens, width, options);
  await store?.write(key, projectionJson(made, key)).catch(() => undefined);
  return made;
}

/** Built in slices, so that a worker stays responsive. Rejects with the signal's reason when aborted. */
export async function buildProjection(
  tokens: TokenTables,
  width: number,
  { onProgress, signal }: Omit<ProjectionOptions, "store"> = {},
): Promise<TokenProjection> {
  const rows: Rows = Array.from({ length: tokens.student.size }, () => new Map<number, number>());
  const total = tokens.student.size + tokens.teacher.size;
  let deadline = performance.now() + SLICE_MS;
  for (const done of fillRows(tokens, rows)) {
    if (performance.now() < deadline) continue;
    onProgress?.(done, total);
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    deadline = performance.now() + SLICE_MS;
  }
  onProgress?.(total, total);
  return packRows(tokens, rows, width);
}

/** The same at once: for small vocabularies. */
export function buildProjectionNow(tokens: TokenTables, width: number): TokenProjection {
  const rows: Rows = Array.from({ length: tokens.student.size }, () => new Map<number, number>());
  for (const _ of fillRows(tokens, rows));
  return packRows(tokens, rows, width);
}

/** Teacher id → weight, by student id. */
type Rows = Map<number, number>[];

/** Forward and reverse passes and special tokens; says after each token how many are done. */
function* fillRows({ student, teacher }: TokenTables, rows: Rows): Generator<number> {
  const [ofTeacher, ofStudent] = [cutter(teacher), cutter(student)];
  const add = (id: number, other: number, weight: number) => {
    const row = rows[id];
    row?.set(other, (row.get(other) ?? 0) + weight);
  };
  for (let id = 0; id < student.size; id++) {
    const pieces = isMark(student, id) ? [] : ofTeacher(student.bytes(id)).slice(0, PIECES.length);
    const whole = pieces.reduce((sum, _, k) => sum + (PIECES[k] ?? 0), 0);
    pieces.forEach((other, k) => add(id, other, (PIECES[k] ?? 0) / whole));
    yield id + 1;
  }
  for (let other = 0; other < teacher.size; other++) {
    const pieces = isMark(teacher, other) ? [] : ofStudent(teacher.bytes(other)).slice(0, PIECES.length);
    pieces.forEach((id, k) => add(id, other, PIECES[k] ?? 0));
    yield student.size + other + 1;
  }
  const marks = idsOf(teacher).filter((other) => isMark(teacher, other));
  for (const id of idsOf(student).filter((own) => isMark(student, own)))
    for (const other of marks) {
      const alike = likeness(student.raw(id), teacher.raw(other));
      if (alike >= LEAST_LIKENESS) add(id, other, OF_LIKENESS * alike);
    }
}

const idsOf = ({ size }: TokenTable): number[] => Array.from({ length: size }, (_, id) => id);

/** A token that stands for no text: "<|im_end|>", "</s>". */
const isMark = (table: TokenTable, id: number): boolean =>
  (table.special?.(id) ?? false) || /^<\|.*\|>$/.test(table.raw(id));

/** Reads the bytes of a token as the other tokenizer would: by itself, or by its longest tokens where it cannot say. */
function cutter(table: TokenTable): (bytes: Uint8Array) => number[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const { encode } = table;
  if (encode)
    return (bytes) => {
      try {
        return bytes.length === 0 ? [] : encode(decoder.decode(bytes));
      } catch {
        return []; // part of a character
      }
    };
  const byKey = new Map<string, number>();
  let longest = 0;
  for (const id of idsOf(table)) {
    const key = String.fromCharCode(...table.bytes(id));
    if (key !== "" && !byKey.has(key)) byKey.set(key, id);
    longest = Math.max(longest, key.length);
  }
  return (bytes) => longestPieces(String.fromCharCode(...bytes), byKey, longest);
}

/** Empty where some of the text is in no token. */
function longestPieces(text: string, byKey: ReadonlyMap<string, number>, longest: number): number[] {
  const pieces: number[] = [];
  for (let at = 0; at < text.length;) {
    let length = Math.min(longest, text.length - at);
    while (length > 0 && !byKey.has(text.slice(at, at + length))) length--;
    if (length === 0) return [];
    pieces.push(byKey.get(text.slice(at, at + length)) ?? 0);
    at += length;
  }
  return pieces;
}

/** Rows to sum 1, the heaviest entries first; tokens that are equal stand for each other alone. */
function packRows(tokens: TokenTables, rows: Rows, width: number): TokenProjection {
  const indices = new Int32Array(rows.length * width).fill(-1);
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, id) => {
    const kept = [...row].toSorted(([a, x], [b, y]) => y - x || a - b).slice(0, KEPT);
    const whole = kept.reduce((sum, [, weight]) => sum + weight, 0);
    kept.slice(0, width).forEach(([other, weight], k) => {
      indices[id * width + k] = other;
      values[id * width + k] = weight / whole;
    });
  });
  const same = matchedTokens(tokens, "bytes");
  const pairs = [...same.student.map((id, j) => [id, same.teacher[j] ?? 0] as const), ...endsOf(tokens)];
  for (const [id, other] of pairs) {
    indices.fill(-1, id * width, (id + 1) * width);
    values.fill(0, id * width, (id + 1) * width);
    indices[id * width] = other;
    values[id * width] = 1;
  }
  return { width, indices, values };
}

const projectionJson = ({ width, indices, values }: TokenProjection, pair: string): string =>
  JSON.stringify({ version: 1, pair, width, indices: [...indices], values: [...values] });

/** @throws DataError where it is damaged, or another pair's. */
function parseProjection(json: string, pair: string, tokens: TokenTables, width: number): TokenProjection {
  const bad = (what: string) => new DataError(`token projection: ${what}`);
  let value: { pair?: unknown; width?: unknown; indices?: unknown; values?: unknown } | null;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw bad(`not valid JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (value?.pair !== pair) throw bad("it was made for another pair of tokenizers: build it again");
  const { indices, values } = value;
  const length = tokens.student.size * width;
  if (
    !Array.isArray(indices) ||
    !Array.isArray(values) ||
    indices.length !== length ||
    values.length !== length
  )
    throw bad(`"indices" and "values" must have ${length} entries each`);
  const wrong = indices.findIndex((id) => !Number.isInteger(id) || id < -1 || id >= tokens.teacher.size);
  if (wrong >= 0) throw bad(`"indices"[${wrong}] is no teacher token`);
  if (!values.every((weight) => typeof weight === "number" && weight >= 0))
    throw bad('"values" must not be negative');
  return { width, indices: Int32Array.from(indices), values: Float32Array.from(values) };
}

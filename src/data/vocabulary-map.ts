// The student's token of each teacher token, METHODS §4: the same text, or else the first of those with the smallest
// edit distance. "First" is by token id, and the teacher's space mark counts as the student's.
import { messageOf } from "../base/errors";
import type { TokenTable, TokenTables } from "./batch";
import { DataError } from "./errors";
import { createNearest } from "./nearest-token";

export interface VocabularyMap {
  /** Whose it is: a hash of both vocabularies. */
  readonly pair: string;
  /** Student id by teacher id. */
  readonly toStudent: Uint32Array;
}

export interface MapOptions {
  /** Teacher tokens done, and all of them. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where maps of large vocabularies outlive a run, by tokenizer pair; both may fail, which costs a rebuild. */
export interface MapStore {
  read(pair: string): Promise<string | undefined>;
  write(pair: string, json: string): Promise<void>;
}

/** Comparisons in the worst case below which a map is rebuilt rather than stored: well under a second. */
const WORTH_STORING = 1e7;

/** The pair's map from the store, or built and stored. */
export async function storedVocabularyMap(
  tokens: TokenTables,
  { store, ...options }: MapOptions & { readonly store?: MapStore | undefined },
): Promise<VocabularyMap> {
  const worth = tokens.teacher.size * tokens.student.size >= WORTH_STORING;
  if (!store || !worth) return buildVocabularyMap(tokens, options);
  const pair = pairHash(tokens);
  const json = await store.read(pair).catch(() => undefined);
  if (json !== undefined) {
    try {
      return parseVocabularyMap(json, tokens);
    } catch (error) {
      if (!(error instanceof DataError)) throw error; // a damaged entry is replaced below
    }
  }
  const map = await buildVocabularyMap(tokens, options);
  await store.write(pair, vocabularyMapJson(map)).catch(() => undefined);
  return map;
}

/** Time between two looks at the signal and the event loop. */
const SLICE_MS = 30;

/** Build the map in slices, so that a worker stays responsive. Rejects with the signal's reason when aborted. */
export async function buildVocabularyMap(
  tokens: TokenTables,
  { onProgress, signal }: MapOptions = {},
): Promise<VocabularyMap> {
  const toStudent = new Uint32Array(tokens.teacher.size);
  let deadline = performance.now() + SLICE_MS;
  for (const done of mapTokens(tokens, toStudent)) {
    if (performance.now() < deadline) continue;
    onProgress?.(done, toStudent.length);
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    deadline = performance.now() + SLICE_MS;
  }
  onProgress?.(toStudent.length, toStudent.length);
  return { pair: pairHash(tokens), toStudent };
}

/** The same at once: for small vocabularies. */
export function buildVocabularyMapNow(tokens: TokenTables): VocabularyMap {
  const toStudent = new Uint32Array(tokens.teacher.size);
  for (const _ of mapTokens(tokens, toStudent));
  return { pair: pairHash(tokens), toStudent };
}

/** Fills the map, and says after each token how many are done. */
function* mapTokens({ teacher, student }: TokenTables, toStudent: Uint32Array): Generator<number> {
  if (student.size === 0) throw new DataError("vocabulary map: the student's vocabulary is empty");
  const texts = Array.from({ length: student.size }, (_, id) => student.raw(id));
  const exact = new Map<string, number>();
  texts.forEach((text, id) => {
    if (!exact.has(text)) exact.set(text, id);
  });
  const wanted = (id: number) => teacher.raw(id).replaceAll(teacher.space, student.space);
  const nearest = createNearest(texts);
  for (let id = 0; id < teacher.size; id++) {
    const text = wanted(id);
    toStudent[id] = exact.get(text) ?? nearest(text);
    yield id + 1;
  }
}

/** Two FNV-1a hashes side by side: 64 bits of both vocabularies, their order and their space marks. */
export function pairHash({ teacher, student }: TokenTables): string {
  return `${vocabularyHash(teacher)}-${vocabularyHash(student)}`;
}

function vocabularyHash(table: TokenTable): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  const add = (code: number) => {
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000193) ^ (b >>> 15);
  };
  const text = (value: string) => {
    for (let i = 0; i < value.length; i++) add(value.charCodeAt(i));
    add(0x10000); // no code unit: an end
  };
  text(table.space);
  for (let id = 0; id < table.size; id++) text(table.raw(id));
  const hex = (hash: number) => (hash >>> 0).toString(16).padStart(8, "0");
  return `${table.size}.${hex(a)}${hex(b)}`;
}

/** @throws DataError when the map is another pair's. */
function checkVocabularyMap(map: VocabularyMap, tokens: TokenTables): void {
  const pair = pairHash(tokens);
  if (map.pair === pair) return;
  throw new DataError(
    `vocabulary map: it was made for another tokenizer pair (${map.pair}, these are ${pair}); ` +
      "its token ids would name other tokens. Build it again for these two tokenizers.",
  );
}

/** As JSON: {"version": 1, "pair": …, "toStudent": [student id by teacher id]}. */
export const vocabularyMapJson = ({ pair, toStudent }: VocabularyMap): string =>
  JSON.stringify({ version: 1, pair, toStudent: [...toStudent] });

/** @throws DataError naming the field, and when the map is another pair's. */
export function parseVocabularyMap(json: string, tokens: TokenTables): VocabularyMap {
  const bad = (what: string) => new DataError(`vocabulary map: ${what}`);
  let value: { version?: unknown; pair?: unknown; toStudent?: unknown } | null;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw bad(`not valid JSON (${messageOf(error)})`);
  }
  if (value?.version !== 1)
    throw bad(`"version" must be 1, got ${JSON.stringify(value?.version) ?? "nothing"}`);
  const { pair, toStudent } = value;
  if (typeof pair !== "string") throw bad('"pair" must name the tokenizer pair');
  if (!Array.isArray(toStudent)) throw bad('"toStudent" must list a student id for each teacher id');
  const map = { pair, toStudent: Uint32Array.from(toStudent) };
  checkVocabularyMap(map, tokens);
  const { teacher, student } = tokens;
  if (toStudent.length !== teacher.size)
    throw bad(`"toStudent" must have ${teacher.size} entries, got ${toStudent.length}`);
  const wrong = toStudent.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < student.size));
  if (wrong >= 0)
    throw bad(`"toStudent"[${wrong}] must be a student id below ${student.size}, got ${toStudent[wrong]}`);
  return map;
}

/** Teacher id by student id: the first that maps there; NO_TOKEN for a student token that none maps to. */
export function inverseMap({ toStudent }: VocabularyMap, studentSize: number): Uint32Array {
  const inverse = new Uint32Array(studentSize).fill(NO_TOKEN);
  toStudent.forEach((student, teacher) => {
    if (inverse[student] === NO_TOKEN) inverse[student] = teacher;
  });
  return inverse;
}

export const NO_TOKEN = 0xffffffff;

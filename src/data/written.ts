// What a student has written, as both models read it.
//
//   student  |Gr|⟨C3⟩|⟨BC⟩|ße|<end>|        its own tokens, as they were drawn
//   bytes     47 72 C3 BC C3 9F 65
//   teacher  |Grü|ße|<end of turn>|         the bytes in its own tokens, then its own end
//
// Text and end are apart: an end is a token on either side and never text for the other. Nothing passes through U+FFFD: bytes that
// are no character reach the teacher as its tokens for single bytes, where it has them. Tokens that stand for no text (a pad,
// a header that was drawn in the middle of an answer) are the student's alone: the teacher does not read them, and no group holds
// them.
import { characterLength, type Tokenizer } from "../models";
import type { Group } from "./batch";
import { alignChunks } from "./chunks";
import type { PreparedRow } from "./dataset";
import { ownEnd, type Sequence } from "./encode";
import type { View } from "./rows";

/** Tokens of an answer, its end included. */
interface Written {
  readonly tokens: readonly number[];
  /** Whether the last of them is an end; else the answer was cut off. */
  readonly ended: boolean;
}

export interface Readers {
  readonly student: Tokenizer;
  readonly teacher: Tokenizer;
  /** One vocabulary: the teacher reads the very tokens, which another tokenization of their text would not always give. */
  readonly sameTokens: boolean;
  readonly view: View;
  /** Tokens that the teacher's context takes, prompt and answer together. */
  readonly teacherLength: number;
}

export interface ReadAnswer {
  /** Undefined where the teacher has nothing to read: an answer that was cut off before it had a readable byte. */
  readonly row: (PreparedRow & { readonly groups: readonly Group[] }) | undefined;
  /** Bytes that the teacher has no token for: its text goes on without them. */
  readonly unreadable: number;
}

/** A row with the student's answer in place of its own. */
export function readWritten(row: PreparedRow, written: Written, readers: Readers): ReadAnswer {
  const student = answered(promptOf(row.student), written.tokens, !written.ended);
  const { ids, unreadable } = teacherTokens(row, written, readers);
  const room = Math.max(1, readers.teacherLength - ids.length);
  const prompt = promptOf(row.teacher);
  const asked = prompt.slice(Math.max(0, prompt.length - room)); // the answer goes before the prompt's front
  const teacher = answered(asked, ids.slice(0, readers.teacherLength - asked.length), !written.ended);
  if (teacher.ids.length === teacher.promptLength) return { row: undefined, unreadable };
  const { plain: _, ...rest } = row;
  return { row: withGroups({ ...rest, student, teacher }, readers), unreadable };
}

/** The chunks of a row's two responses, their ends a chunk of their own. */
export function withGroups<R extends Pick<PreparedRow, "student" | "teacher">>(
  row: R,
  readers: Pick<Readers, "student" | "teacher" | "sameTokens">,
): R & { readonly groups: readonly Group[] } {
  const [s, t] = [responseOf(row.student), responseOf(row.teacher)];
  return { ...row, groups: readers.sameTokens ? pairwise(s, t) : responseGroups(s, t, readers) };
}

const pairwise = (s: readonly number[], t: readonly number[]): Group[] =>
  Array.from({ length: Math.min(s.length, t.length) }, (_, k): Group => [k, k + 1, k, k + 1]);

/** By the tokens' bytes; see alignChunks. */
export function responseGroups(
  s: readonly number[],
  t: readonly number[],
  { student, teacher }: Pick<Readers, "student" | "teacher">,
): Group[] {
  const [ends, endt] = [isEnd(student, s.at(-1)), isEnd(teacher, t.at(-1))];
  const spoken = (ends ? s.slice(0, -1) : s).flatMap((id, k) => (isSilent(student, id) ? [] : [k]));
  const read = endt ? t.slice(0, -1) : t;
  const chunks = alignChunks(
    spoken.map((k) => student.tokenBytes(s[k] ?? 0)),
    read.map((id) => teacher.tokenBytes(id)),
  );
  const groups = chunks.flatMap(({ student: [a, b], teacher: [c, d] }): Group[] => {
    const [from, to] = [spoken[a] ?? 0, (spoken[b - 1] ?? 0) + 1];
    return to - from === b - a ? [[from, to, c, d]] : []; // a token without text inside: no chunk of equal text
  });
  if (ends && endt) groups.push([s.length - 1, s.length, t.length - 1, t.length]);
  return groups;
}

const isEnd = ({ stopIds }: Tokenizer, id: number | undefined): boolean =>
  id !== undefined && stopIds.includes(id);

const promptOf = ({ ids, promptLength }: Sequence): number[] => [...ids.subarray(0, promptLength)];
const responseOf = ({ ids, promptLength }: Sequence): number[] => [...ids.subarray(promptLength)];

const answered = (prompt: readonly number[], response: readonly number[], truncated: boolean): Sequence => ({
  ids: Int32Array.from([...prompt, ...response]),
  promptLength: prompt.length,
  truncated,
});

function teacherTokens(
  { row }: PreparedRow,
  { tokens, ended }: Written,
  { student, teacher, sameTokens, view }: Readers,
): { ids: number[]; unreadable: number } {
  if (sameTokens)
    return { ids: tokens.map((id) => (id < teacher.vocabSize ? id : teacher.padId)), unreadable: 0 };
  const text = ended ? tokens.slice(0, -1) : tokens;
  const own = view === "plain" && row.turns !== undefined && student.chat !== undefined;
  const { ids, unreadable } = encodeBytes(teacher, textOf(student, text, own));
  return { ids: ended ? [...ids, ownEnd(teacher, row, view)] : ids, unreadable };
}

/**
 * The bytes of a text in tokens; those that stand for no text give none.
 *
 * @param inside whether the text goes on another, as in a conversation; else the space that the tokenizer puts in front goes.
 */
function textOf(tok: Tokenizer, tokens: readonly number[], inside: boolean): Uint8Array {
  const spoken = tokens.filter((id) => !isSilent(tok, id));
  if (tok.scheme === "wordpiece") return new TextEncoder().encode(tok.decode(spoken)); // its tokens leave out spaces
  const bytes = Uint8Array.from(spoken.flatMap((id) => [...tok.tokenBytes(id)]));
  return !inside && bytes[0] === SPACE && addsSpace(tok) ? bytes.subarray(1) : bytes;
}

const SPACE = 0x20;
const addsSpace = (tok: Tokenizer): boolean => tok.tokenBytes(tok.encode("a")[0] ?? 0)[0] === SPACE;

/** Ends, padding, headers: tokens that the decoder leaves out. */
function isSilent(tok: Tokenizer, id: number): boolean {
  let known = silent.get(tok);
  if (!known) silent.set(tok, (known = new Map()));
  let answer = known.get(id);
  if (answer === undefined) {
    // A head may be wider than the tokenizer: what it draws there is nobody's text.
    answer =
      id >= tok.vocabSize ||
      tok.stopIds.includes(id) ||
      id === tok.padId ||
      (tok.isAdded(id) && tok.decode([id]) === "");
    known.set(id, answer);
  }
  return answer;
}

const silent = new WeakMap<Tokenizer, Map<number, boolean>>();

/** A text that may not be UTF-8 in tokens: whole characters as the tokenizer cuts them, other bytes one by one. */
function encodeBytes(tok: Tokenizer, bytes: Uint8Array): { ids: number[]; unreadable: number } {
  const ids: number[] = [];
  let unreadable = 0;
  for (const stretch of stretches(bytes)) {
    if (typeof stretch === "string") ids.push(...tok.encode(stretch));
    else {
      const id = byteTokens(tok).get(stretch);
      if (id === undefined) unreadable++;
      else ids.push(id);
    }
  }
  return { ids, unreadable };
}

/** Texts, and bytes between them that belong to no character. */
function* stretches(bytes: Uint8Array): Generator<string | number> {
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > from) yield decoder.decode(bytes.subarray(from, at));
    yield bytes[at] ?? 0;
    from = ++at;
  }
  if (from < bytes.length) yield decoder.decode(bytes.subarray(from));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Tokens of a single byte that is no character by itself. */
function byteTokens(tok: Tokenizer): ReadonlyMap<number, number> {
  let known = singles.get(tok);
  if (!known) {
    known = new Map<number, number>();
    for (let id = 0; id < tok.vocabSize; id++) {
      const [byte = 0, ...more] = tok.tokenBytes(id);
      if (byte >= 0x80 && more.length === 0 && !known.has(byte)) known.set(byte, id);
    }
    singles.set(tok, known);
  }
  return known;
}

const singles = new WeakMap<Tokenizer, Map<number, number>>();

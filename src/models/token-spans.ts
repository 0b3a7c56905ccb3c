// Which bytes of a text each of its tokens stands for, whatever the tokenizer does to text before it cuts: adds a space
// in front (SentencePiece), drops spaces, case and accents (WordPiece), replaces characters (NFKC), falls back to bytes
// or to an unknown token. The spans tile the text: each begins where the one before ended, the last ends with the text.

import type { Tokenizer } from "./tokenizer";

export interface TokenSpans {
  readonly ids: readonly number[];
  /** Token i covers bytes ends[i − 1] (0 for the first) to ends[i] of the text's UTF-8. */
  readonly ends: readonly number[];
}

const SPACE = 0x20;
/** How far ahead an unknown token may reach, in bytes. */
const REACH = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function tokenSpans(tokenizer: Pick<Tokenizer, "encode" | "tokenBytes">, text: string): TokenSpans {
  const ids = tokenizer.encode(text);
  const bytes = encoder.encode(text);
  const ends: number[] = [];
  let at = 0;
  let unknown: number[] = []; // tokens that matched nothing: they share what lies before the next match
  for (const [i, id] of ids.entries()) {
    const token = tokenizer.tokenBytes(id);
    const match = unknown.length === 0 ? matchAt(bytes, at, token, i === 0) : matchAhead(bytes, at, token);
    if (match === undefined) {
      unknown.push(i);
      ends.push(at);
      continue;
    }
    share(ends, unknown, at, match.start);
    unknown = [];
    at = match.end;
    ends.push(at);
  }
  share(ends, unknown, at, bytes.length);
  if (ends.length > 0) ends[ends.length - 1] = bytes.length; // spaces that a tokenizer drops at the end
  return { ids, ends };
}

/** Unknown tokens divide a stretch evenly, at whole bytes. */
function share(ends: number[], tokens: readonly number[], from: number, to: number): void {
  for (const [k, i] of tokens.entries()) ends[i] = from + Math.round(((k + 1) / tokens.length) * (to - from));
}

interface Match {
  /** Bytes before it are skipped: dropped spaces, or an unknown token's. */
  readonly start: number;
  readonly end: number;
}

function matchAt(bytes: Uint8Array, at: number, token: Uint8Array, first: boolean): Match | undefined {
  if (startsWith(bytes, at, token)) return { start: at, end: at + token.length };
  // A space that the tokenizer put in front of the text (or of what follows a special token).
  if (token[0] === SPACE && bytes[at] !== SPACE) {
    const rest = token.subarray(1);
    if (startsWith(bytes, at, rest)) return { start: at, end: at + rest.length };
    if (rest.length > 0) return folded(bytes, at, rest);
    if (first) return { start: at, end: at };
  }
  return folded(bytes, at, token);
}

function matchAhead(bytes: Uint8Array, at: number, token: Uint8Array): Match | undefined {
  for (let from = at; from <= Math.min(bytes.length, at + REACH); from++) {
    const inside = ((bytes[from] ?? 0) & 0xc0) === 0x80; // not the first byte of a character
    const match = inside || from === at ? undefined : matchAt(bytes, from, token, false);
    if (match) return { start: from, end: match.end };
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, at: number, token: Uint8Array): boolean {
  if (at + token.length > bytes.length) return false;
  for (let i = 0; i < token.length; i++) if (bytes[at + i] !== token[i]) return false;
  return true;
}

/** Character by character, without spaces in front, case, accents and compatibility forms. */
function folded(bytes: Uint8Array, at: number, token: Uint8Array): Match | undefined {
  const wanted = fold(decoder.decode(token)).replaceAll(/\s/gu, "");
  if (wanted === "") return undefined;
  let [seen, end] = ["", at];
  while (end < bytes.length && seen.length < wanted.length) {
    const length = characterLength(bytes[end] ?? 0);
    seen += fold(decoder.decode(bytes.subarray(end, end + length))).replaceAll(/\s/gu, "");
    end += length;
    if (!wanted.startsWith(seen)) return undefined;
  }
  if (seen !== wanted) return undefined;
  return { start: at, end: withMarks(bytes, end) };
}

/** Accents that stand alone belong to the letter before them. */
function withMarks(bytes: Uint8Array, end: number): number {
  for (let at = end; at < bytes.length;) {
    const next = at + characterLength(bytes[at] ?? 0);
    if (!/^\p{M}$/u.test(decoder.decode(bytes.subarray(at, next)))) return at;
    at = next;
  }
  return bytes.length;
}

const fold = (text: string): string =>
  text
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cc}\p{Cf}\uFFFD]/gu, "")
    .toLowerCase();

const characterLength = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

// Bytes of a file as text: unpacked, in the encoding that they are in, or named as what they are.
import { DataError } from "./errors";
import { gunzip } from "./gunzip";
import { foreignFile, isGzip, isParquet } from "./signatures";

type Bytes = Uint8Array<ArrayBuffer>;

export interface TextPiece {
  readonly text: string;
  /** Bytes of the file that are read so far; of a packed one, of what it unpacks to. */
  readonly loaded: number;
}

export interface TextFileOptions {
  /** What a person should know about how the bytes were read. */
  note(text: string): void;
  readonly mostUnpacked?: number | undefined;
}

const PIECE = 32 * 1024;
const HEAD = 4096;

/** The text in pieces of at most 32 kB, without a byte order mark. @throws DataError naming what is no text. */
export async function* textOf(file: Blob, name: string, options: TextFileOptions): AsyncGenerator<TextPiece> {
  const packed = isGzip(await headOf(file));
  if (packed) options.note("unpacked from gzip");
  const source = packed ? gunzip(file, name, options.mostUnpacked) : streamOf(file);
  let decode: Decoder | undefined;
  let [loaded, head]: [number, Bytes] = [0, new Uint8Array(0)];
  const piecesOf = function* (bytes: Bytes): Generator<TextPiece> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      loaded += piece.length;
      yield { text: decode?.(piece) ?? "", loaded };
    }
  };
  for await (const bytes of source) {
    if (decode) {
      yield* piecesOf(bytes);
      continue;
    }
    head = joined(head, bytes);
    if (head.length < HEAD) continue;
    decode = openText(head, name, packed, options);
    yield* piecesOf(head);
  }
  if (!decode) {
    decode = openText(head, name, packed, options);
    yield* piecesOf(head);
  }
  yield { text: decode(), loaded };
}

export const headOf = async (file: Blob): Promise<Bytes> =>
  new Uint8Array(await file.slice(0, HEAD).arrayBuffer());

async function* streamOf(file: Blob): AsyncGenerator<Bytes> {
  const reader = file.stream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

function joined(a: Bytes, b: Bytes): Bytes {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Without bytes: what is left. */
type Decoder = (bytes?: Bytes) => string;

function openText(head: Bytes, name: string, packed: boolean, { note }: TextFileOptions): Decoder {
  const inside = packed ? `${name} is packed with gzip and holds ` : `${name} is `;
  const foreign = isParquet(head) || isGzip(head) ? "packed twice; unpack it first" : foreignFile(head);
  if (foreign !== undefined) throw new DataError(inside + foreign);
  const encoding = encodingOf(head);
  if (encoding === "utf-8") return utf8Decoder(name, head);
  note(`read as ${encoding.toUpperCase()}`);
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (bytes) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new DataError(
        `${name} begins as ${encoding.toUpperCase()} and does not go on so; save it as UTF-8`,
      );
    }
  };
}

/** By the mark at the start; without one, letters of UTF-16 show by the zero bytes beside them. */
function encodingOf(head: Bytes): "utf-8" | "utf-16le" | "utf-16be" {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  const pairs = Math.floor(head.length / 2);
  const zeros = [0, 0];
  for (let i = 0; i < 2 * pairs; i++) if (head[i] === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros.map((n) => n / Math.max(1, pairs));
  if (odd > 0.4 && even < 0.1) return "utf-16le";
  if (even > 0.4 && odd < 0.1) return "utf-16be";
  return "utf-8";
}

function utf8Decoder(name: string, head: Bytes): Decoder {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [done, line] = [0, 1];
  let tail: Bytes = new Uint8Array(0); // what a wrong character may have begun in
  return (bytes) => {
    try {
      if (!bytes) return decoder.decode();
      const text = decoder.decode(bytes, { stream: true });
      done += bytes.length;
      for (const byte of bytes) if (byte === 10) line++;
      tail = bytes.subarray(-3);
      return text;
    } catch {
      if (!bytes)
        throw new DataError(`${name} ends in the middle of a character: it was cut off; copy it again`);
      if (controls(head) > 0.05)
        throw new DataError(
          `${name} is no text file that is known; save its rows as JSON lines, CSV or Parquet`,
        );
      throw notUtf8(name, joined(tail, bytes), tail.length, done, line);
    }
  };
}

const NEAR = 16;

/** @param bytes `before` of them lie in front of byte `from` of the text, which is in `line`. */
function notUtf8(name: string, bytes: Bytes, before: number, from: number, line: number): DataError {
  const at = wrongByte(bytes);
  const lines = bytes.subarray(before, at).filter((byte) => byte === 10).length;
  const byte = (bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0");
  const near = new TextDecoder("windows-1252")
    .decode(bytes.subarray(Math.max(0, at - NEAR), at + NEAR))
    .replaceAll(/\s+/g, " ");
  return new DataError(
    `${name} is not UTF-8 text: byte 0x${byte} at ${from + at - before}, in line ${line + lines}. As Windows-1252 (Latin-1) it ` +
      `reads "${near}". Save it as UTF-8: in Excel "CSV UTF-8", elsewhere iconv -f WINDOWS-1252 -t UTF-8. If that reads wrong, name the encoding that it is in`,
  );
}

/** The share of bytes that no text has. */
const controls = (head: Bytes): number =>
  head.filter((byte) => byte < 9 || (byte > 13 && byte < 27) || byte === 127).length /
  Math.max(1, head.length);

/** Of bytes that may begin inside a character. */
function wrongByte(bytes: Bytes): number {
  let at = 0;
  while (at < 3 && isContinuation(bytes[at])) at++;
  while (at < bytes.length) {
    const length = lengthOf(bytes[at] ?? 0);
    const rest = Array.from(bytes.subarray(at + 1, at + length));
    if (length === 0 || !rest.every(isContinuation)) return at;
    at += length;
  }
  return 0;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
const lengthOf = (byte: number): number =>
  byte < 0x80
    ? 1
    : byte >= 0xc2 && byte < 0xe0
      ? 2
      : byte >= 0xe0 && byte < 0xf0
        ? 3
        : byte >= 0xf0 && byte < 0xf5
          ? 4
          : 0;

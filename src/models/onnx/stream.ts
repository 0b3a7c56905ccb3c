// An ONNX file as it arrives: its structure without its weights. What is kept is a small ONNX file whose large payloads
// are references, in the format's own words for data outside, to byte ranges of the original; so the reader for whole
// files reads it, and weights can be converted one by one as they pass by.

import { ModelError } from "../errors";
import { type ByteStream, concatBytes, type FileSlices, refuseStandIn } from "../files/files";
import { intField, lengthField, type Parts } from "./write";

/** The `location` of a payload that lies in the ONNX file itself: no file beside it has that name. */
export const OWN_FILE = "";

const [GRAPH, INITIALIZER] = [7, 5];
const [FLOAT_DATA, RAW_DATA, EXTERNAL, LOCATION] = [4, 9, 13, 14];

/**
 * The file's structure, for `readOnnx`. It takes the memory of the graph alone, however large the weights are.
 *
 * @param keptBytes payloads up to this size stay: shapes, axes, scalars
 */
export async function outlineOnnx({ size, chunks }: ByteStream, keptBytes = 4096): Promise<Uint8Array> {
  return outline(createCursor(chunks), size, keptBytes);
}

/** The same where parts of the file can be read: its weights are passed over, not read. */
export async function outlineSlices(slices: FileSlices, keptBytes = 4096): Promise<Uint8Array> {
  return outline(createSeeker(slices), slices.size, keptBytes);
}

async function outline(cursor: Cursor, size: number | undefined, keptBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [new Uint8Array(0)];
  try {
    while (await cursor.more()) {
      const { no, nested, length } = await readHead(cursor, size ?? Infinity);
      if (no === GRAPH && nested)
        parts.push(...lengthField(GRAPH, await outlineGraph(cursor, length, keptBytes)));
      else await cursor.skip(length);
    }
  } finally {
    await cursor.close(); // a broken file, too, is let go of
  }
  return concatBytes(parts);
}

async function outlineGraph(cursor: Cursor, length: number, keptBytes: number): Promise<Parts> {
  const parts: Uint8Array[] = [];
  for (const end = cursor.position + length; cursor.position < end;) {
    const field = await readHead(cursor, end);
    if (field.no === INITIALIZER && field.nested) {
      parts.push(...lengthField(INITIALIZER, await outlineTensor(cursor, field.length, keptBytes)));
    } else parts.push(field.head, await cursor.take(field.length));
  }
  return parts;
}

async function outlineTensor(cursor: Cursor, length: number, keptBytes: number): Promise<Parts> {
  const parts: Uint8Array[] = [];
  for (const end = cursor.position + length; cursor.position < end;) {
    const field = await readHead(cursor, end);
    if ((field.no === RAW_DATA || field.no === FLOAT_DATA) && field.length > keptBytes) {
      parts.push(...reference(cursor.position, field.length));
      await cursor.skip(field.length);
    } else parts.push(field.head, await cursor.take(field.length));
  }
  return parts;
}

const reference = (offset: number, length: number): Parts => [
  ...pair("location", OWN_FILE),
  ...pair("offset", String(offset)),
  ...pair("length", String(length)),
  intField(LOCATION, 1),
];

const pair = (key: string, value: string): Parts =>
  lengthField(EXTERNAL, [...lengthField(1, key), ...lengthField(2, value)]);

interface Head {
  readonly no: number;
  /** Bytes, text or a message: what has a length of its own. */
  readonly nested: boolean;
  /** The field's bytes up to its body; all of it where it is a number. */
  readonly head: Uint8Array;
  readonly length: number;
}

/** @param end where the message ends that the field is part of */
async function readHead(cursor: Cursor, end: number): Promise<Head> {
  const start = cursor.position;
  const bytes: number[] = [];
  const varint = async (): Promise<number> => {
    let value = 0;
    for (let scale = 1; scale <= 128 ** 9; scale *= 128) {
      const byte = await cursor.byte();
      bytes.push(byte);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new ModelError("invalid", `broken ONNX: a number at byte ${start} is longer than 64 bits`);
  };
  const tag = await varint();
  const [no, type] = [Math.floor(tag / 8), tag % 8];
  let length = 0;
  if (type === 0) await varint();
  else if (type === 1) length = 8;
  else if (type === 5) length = 4;
  else if (type === 2) length = await varint();
  else throw new ModelError("invalid", `broken ONNX: wire type ${type} at byte ${start} is not in use`);
  if (cursor.position + length > end) throw cutOff(start, length, Math.max(0, end - cursor.position));
  return { no, nested: type === 2, head: Uint8Array.from(bytes), length };
}

interface Cursor {
  readonly position: number;
  more(): Promise<boolean>;
  byte(): Promise<number>;
  skip(length: number): Promise<void>;
  /** A copy. */
  take(length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

function createCursor(chunks: AsyncIterable<Uint8Array>): Cursor {
  const source = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let [before, at] = [0, 0]; // bytes of the file before the chunk, and bytes used of it

  async function more(): Promise<boolean> {
    while (at >= chunk.length) {
      const next = await source.next();
      if (next.done) return false;
      before += chunk.length;
      [chunk, at] = [next.value, 0];
      if (before === 0) refuseStandIn(chunk);
    }
    return true;
  }

  /** Hands out the next `length` bytes in the pieces they come in. */
  async function each(length: number, hand: (piece: Uint8Array) => void): Promise<void> {
    const start = before + at;
    for (let left = length; left > 0;) {
      if (at >= chunk.length && !(await more())) throw cutOff(start, length, length - left);
      const piece = chunk.subarray(at, at + left);
      hand(piece);
      [at, left] = [at + piece.length, left - piece.length];
    }
  }

  return {
    get position() {
      return before + at;
    },
    more,
    async byte() {
      if (at >= chunk.length && !(await more())) throw cutOff(before + at, 1, 0);
      return chunk[at++] ?? 0;
    },
    skip: (length) => each(length, () => undefined),
    async take(length) {
      const pieces: Uint8Array[] = [];
      await each(length, (piece) => pieces.push(piece.slice()));
      return pieces.length === 0 ? new Uint8Array(0) : concatBytes(pieces);
    },
    async close() {
      await source.return?.();
    },
  };
}

const WINDOW_BYTES = 64 * 1024;

function createSeeker({ size, read }: FileSlices): Cursor {
  let window: Uint8Array = new Uint8Array(0);
  let [from, at] = [0, 0]; // where the window begins, and how far the file is used
  const inWindow = (): boolean => at >= from && at < from + window.length;

  async function more(): Promise<boolean> {
    if (inWindow()) return true;
    if (at >= size) return false;
    window = await read(at, at + WINDOW_BYTES);
    from = at;
    if (at === 0) refuseStandIn(window);
    return window.length > 0;
  }

  return {
    get position() {
      return at;
    },
    more,
    async byte() {
      if (!inWindow() && !(await more())) throw cutOff(at, 1, 0);
      return window[at++ - from] ?? 0;
    },
    async skip(length) {
      if (at + length > size) throw cutOff(at, length, Math.max(0, size - at));
      at += length;
    },
    async take(length) {
      const bytes =
        at >= from && at + length <= from + window.length
          ? window.slice(at - from, at - from + length)
          : await read(at, at + length);
      if (bytes.length < length) throw cutOff(at, length, bytes.length);
      at += length;
      return bytes;
    },
    close: async () => undefined,
  };
}

const cutOff = (at: number, length: number, left: number): ModelError =>
  new ModelError(
    "truncated",
    `cut-off ONNX: a field at byte ${at} claims ${length} bytes, but ${left} are left. Copy or download the file again.`,
  );

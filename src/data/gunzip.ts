// gzip, in the page and in Node by the same code. Files that were joined (several members) are read as one; lengths and
// checksums are compared; what would unpack to far more than it is, or to more than fits, is refused.
import { Gunzip } from "fflate";
import { DataError } from "./errors";

/** Bytes that a packed file may unpack to. */
const MOST_UNPACKED = 2 ** 30;
/** Text packs to a tenth or so, rows that repeat to a hundredth; nothing but a bomb to a five-hundredth. */
const MOST_RATIO = 500;
const RATIO_FROM = 32e6; // bytes: small files may repeat as they like
const PIECE = 32 * 1024;

const gzipError = (name: string, why: string): DataError =>
  new DataError(`${name} is packed with gzip, and ${why}`);

/** The unpacked bytes, piece by piece. @throws DataError, on the way or at the end. */
export async function* gunzip(
  file: Blob,
  name: string,
  limit: number = MOST_UNPACKED,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let out: Uint8Array<ArrayBuffer>[] = [];
  let [read, unpacked] = [0, 0];
  const members = [new Member()];
  const stream = new Gunzip((piece) => {
    unpacked += piece.length;
    members.at(-1)?.add(piece);
    out.push(new Uint8Array(piece)); // a copy: the stream goes on with its buffer
  });
  stream.onmember = (offset) => {
    const last = members.at(-1);
    if (last) last.end = offset;
    members.push(new Member());
  };
  const push = (bytes: Uint8Array, final: boolean): void => {
    try {
      stream.push(bytes, final);
    } catch (error) {
      const why = error instanceof Error ? error.message : "?";
      throw gzipError(
        name,
        `is damaged, cut off, or followed by something else (${why}); download it again, or unpack it`,
      );
    }
    if (unpacked > limit)
      throw gzipError(name, `unpacks to more than ${Math.round(limit / 1e6)} MB; take a part of it`);
    if (unpacked > RATIO_FROM && unpacked > MOST_RATIO * (read + PIECE))
      throw gzipError(name, `unpacks to more than ${MOST_RATIO} times its size: it is not read`);
  };
  const reader = file.stream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    for (let at = 0; at < next.value.length; at += PIECE) {
      const piece = next.value.subarray(at, at + PIECE);
      read += piece.length;
      push(piece, false);
      yield* out;
      out = [];
    }
  }
  push(new Uint8Array(0), true);
  yield* out;
  await checkMembers(file, name, members);
}

/** Each ends in the checksum and the length of what it holds. */
async function checkMembers(file: Blob, name: string, members: readonly Member[]): Promise<void> {
  for (const member of members) {
    const end = member.end ?? file.size;
    const trailer = new DataView(await file.slice(Math.max(0, end - 8), end).arrayBuffer());
    const right =
      trailer.byteLength === 8 &&
      trailer.getUint32(0, true) === member.checksum &&
      trailer.getUint32(4, true) === member.length % 2 ** 32;
    if (!right)
      throw gzipError(name, "is damaged: its checksum is not that of its content; download it again");
  }
}

class Member {
  /** The byte of the file behind it, where another follows. */
  end: number | undefined;
  length = 0;
  private state = 0xffffffff;

  add(bytes: Uint8Array): void {
    this.length += bytes.length;
    let crc = this.state;
    for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
    this.state = crc;
  }

  get checksum(): number {
    return ~this.state >>> 0;
  }
}

/** CRC-32 of ISO 3309, bytes from the low bit on. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

// SHA-256 as text: names for contents.

const PIECE_BYTES = 16 * 2 ** 20;

export async function digestOf(data: Uint8Array | string): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return hex(await sha256(bytes));
}

/** Of large data: the digest of its pieces' digests, since hashing at once takes a copy. */
export async function pieceDigest(bytes: Uint8Array): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    pieces.push(hex(await sha256(bytes.subarray(at, at + PIECE_BYTES))));
  return digestOf(pieces.join("\n"));
}

const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)); // never shared

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

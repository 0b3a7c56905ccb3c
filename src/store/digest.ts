// SHA-256 for the page's own files.

export const UNAVAILABLE = "unavailable";

/** Hexadecimal; "unavailable" on insecure origins, which have no digest. */
export async function sha256(content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (!globalThis.crypto?.subtle) return UNAVAILABLE;
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>); // never shared
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const PIECE_BYTES = 16 * 2 ** 20;

/** Of large files: the digest of their pieces' digests, since hashing at once takes a copy. */
export async function pieceSha256(bytes: Uint8Array): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    pieces.push(await sha256(bytes.subarray(at, at + PIECE_BYTES)));
  return sha256(pieces.join("\n"));
}

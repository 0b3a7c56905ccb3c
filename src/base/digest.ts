// SHA-256 in hexadecimal: names for contents, and marks that show damage.

const PIECE_BYTES = 16 * 2 ** 20;

/** @throws TypeError on insecure origins, where browsers have no digest */
export async function sha256(content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>); // never shared
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of large contents: the digest of their pieces' digests, since hashing at once takes a copy. */
export async function pieceSha256(bytes: Uint8Array): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    pieces.push(await sha256(bytes.subarray(at, at + PIECE_BYTES)));
  return sha256(pieces.join("\n"));
}

export const UNAVAILABLE = "unavailable";

/** For what is only told: "unavailable" where there is no digest. */
export const sha256IfAny = async (content: Uint8Array | string): Promise<string> =>
  globalThis.crypto?.subtle ? sha256(content) : UNAVAILABLE;

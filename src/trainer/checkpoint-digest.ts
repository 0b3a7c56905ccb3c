// The digest that a checkpoint carries of itself: every byte of the file, header and data, with the digest's own
// letters read as zeros. A bit that flipped on the disk is then found before a run goes on from it.
import { pieceSha256 } from "../base/digest";

/** The key of the metadata. It is written first, so that its place is found without parsing anything. */
export const DIGEST_KEY = "sha256";
/** What stands in its place while the file is hashed. */
export const NO_DIGEST = "0".repeat(64);

const MARK = new TextEncoder().encode(`"${DIGEST_KEY}":"`);
/** The metadata is the first thing in a header; a key of that name further on is somebody else's. */
const SEARCHED_BYTES = 256;

/** Where the digest's 64 letters stand; undefined where there are none. */
function placeOf(bytes: Uint8Array): number | undefined {
  const end = Math.min(SEARCHED_BYTES, bytes.length - MARK.length - NO_DIGEST.length);
  for (let at = 8; at <= end; at++)
    if (MARK.every((byte, i) => bytes[at + i] === byte)) return at + MARK.length;
  return undefined;
}

/** Writes the digest into a file that was made with `NO_DIGEST` in its place. */
export async function seal(bytes: Uint8Array): Promise<Uint8Array> {
  const at = placeOf(bytes);
  if (at === undefined) throw new Error("The file has no place for a digest.");
  bytes.set(new TextEncoder().encode(await pieceSha256(bytes)), at);
  return bytes;
}

/** Whether the file is as it was written; "none" for one that carries no digest. The bytes are left as they came. */
export async function sealOf(bytes: Uint8Array): Promise<"whole" | "damaged" | "none"> {
  const at = placeOf(bytes);
  if (at === undefined) return "none";
  const letters = Uint8Array.from(bytes.subarray(at, at + NO_DIGEST.length)); // a Buffer's slice would be no copy
  bytes.set(new TextEncoder().encode(NO_DIGEST), at);
  try {
    return (await pieceSha256(bytes)) === new TextDecoder().decode(letters) ? "whole" : "damaged";
  } finally {
    bytes.set(letters, at);
  }
}

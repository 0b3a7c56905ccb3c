// Features of tokens that need no model: what a token says and where it stands, from its bytes alone.
import type { TokenLine } from "./reader-protocol";

const LETTERS = 48;
const WAVES = 6;
/** Width of a token's feature. */
export const BYTE_FEATURES = LETTERS + 2 * WAVES;
const PLACE_WEIGHT = 0.5;

/**
 * [n, BYTE_FEATURES]: counts of the token's bytes (hashed into 48 places, letters without case) to length 1,
 * then where its middle stands in the text, as waves of growing frequency.
 */
export function byteFeatures({ start, end }: TokenLine, text: Uint8Array): Float32Array {
  const features = new Float32Array(start.length * BYTE_FEATURES);
  start.forEach((from, i) => {
    const to = end[i] ?? from;
    const row = features.subarray(i * BYTE_FEATURES, (i + 1) * BYTE_FEATURES);
    for (let at = from; at < to; at++) {
      const place = placeOf(text[at] ?? 0);
      row[place] = (row[place] ?? 0) + 1;
    }
    const length = Math.hypot(...row.subarray(0, LETTERS)) || 1;
    for (let k = 0; k < LETTERS; k++) row[k] = (row[k] ?? 0) / length;
    const middle = (from + to) / 2 / Math.max(1, text.length);
    for (let w = 0; w < WAVES; w++) {
      const angle = Math.PI * middle * 2 ** w;
      const size = PLACE_WEIGHT / (w + 1);
      row[LETTERS + 2 * w] = size * Math.cos(angle);
      row[LETTERS + 2 * w + 1] = size * Math.sin(angle);
    }
  });
  return features;
}

function placeOf(byte: number): number {
  const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
  return lower >= 97 && lower <= 122 ? lower - 97 : 26 + (lower % (LETTERS - 26));
}

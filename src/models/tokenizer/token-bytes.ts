// The bytes behind a token. Tokenizers give no offsets, so spans of text are built from these.
// Byte-level BPE (GPT-2's) writes each byte as one printable character; metaspace (SentencePiece's) writes a space
// as ▁ and an unknown byte as <0xE2>; WordPiece marks what continues a word by ##; plain tokens are their text.

export type TokenScheme = "byte-level" | "metaspace" | "wordpiece" | "plain";

const encoder = new TextEncoder();

export function rawTokenBytes(token: string, scheme: TokenScheme): Uint8Array {
  if (scheme === "metaspace") {
    const byte = /^<0x([0-9A-F]{2})>$/i.exec(token)?.[1];
    return byte === undefined
      ? encoder.encode(token.replaceAll("▁", " "))
      : Uint8Array.of(parseInt(byte, 16));
  }
  if (scheme === "plain") return encoder.encode(token);
  if (scheme === "wordpiece") return encoder.encode(token.replace(/^##(?=.)/su, ""));
  const bytes: number[] = [];
  for (const char of token) {
    const byte = BYTE_OF_CHAR.get(char);
    if (byte === undefined) return encoder.encode(token); // an added token that is written as plain text
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/**
 * An added token goes through the same decoder as the others: Gemma 3's runs of ▁ are spaces. Where that gives no whole
 * characters ("café" in a byte-level vocabulary), it is plain text, which is what the tokenizer looks for.
 */
export function addedTokenBytes(token: string, scheme: TokenScheme): Uint8Array {
  const bytes = rawTokenBytes(token, scheme);
  const alone = scheme === "metaspace" && bytes.length === 1; // <0xE2>
  return alone || isText(bytes) ? bytes : encoder.encode(token);
}

function isText(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** How a token looks on the page: spaces and newlines visible, bytes that are no whole character as ⟨E2⟩. */
export function displayBytes(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      out += `⟨${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0")}⟩`;
      at += 1;
    } else {
      out += VISIBLE.get(bytes[at] ?? 0) ?? decoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return out;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const VISIBLE = new Map([
  [0x20, "␣"],
  [0x0a, "↵"],
  [0x0d, "␍"],
  [0x09, "⇥"],
]);

/** Bytes of the whole UTF-8 character at `at`, or 0 when there is none. */
export function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    decoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** GPT-2's table: printable Latin-1 stands for itself, the other bytes for U+0100 onwards. */
const BYTE_OF_CHAR = byteLevelTable();

function byteLevelTable(): Map<string, number> {
  const table = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    table.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return table;
}

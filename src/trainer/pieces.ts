// A text as the tokens of a tokenizer, each the part of the text that it adds.
import type { Tokenizer } from "../models";

/** Joined they are the text; undefined when the tokens do not say where they cut it, as with unknown characters. */
export function piecesOf(
  { encode, decode }: Pick<Tokenizer, "encode" | "decode">,
  text: string,
): string[] | undefined {
  const ids = encode(text);
  const pieces: string[] = [];
  let done = "";
  for (let k = 1; k <= ids.length; k++) {
    const decoded = decode(ids.slice(0, k));
    const soFar = text.startsWith(decoded) ? decoded : decoded.trimStart(); // some tokenizers begin with a blank
    if (!text.startsWith(soFar) || soFar.length < done.length) continue; // half a character: the next token completes it
    if (soFar.length > done.length) pieces.push(soFar.slice(done.length));
    done = soFar;
  }
  return done === text ? pieces : undefined;
}

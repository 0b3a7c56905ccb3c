// Two tokenizations of one text, side by side.
import { alignBytes, type Alignment } from "../../data/alignment";
import { type TokenSpans, tokenSpans } from "../../models/tokenizer/token-spans";
import type { ByteTokenizer } from "./read-tokenizer";

export interface AlignedSide extends TokenSpans {
  /** What each token stands for. */
  readonly bytes: readonly Uint8Array[];
}

export interface AlignedTexts extends Alignment {
  readonly student: AlignedSide;
  readonly teacher: AlignedSide;
}

/**
 * Where both tokenizations of a text end at the same place of it, and what that leaves out.
 *
 * The sides are called as in distillation, and are alike: a normalizer, a space in front, bytes instead of letters on
 * either of them part nothing. Where a token cannot stand for the text (an unknown token), the chunks go on behind it.
 *
 * @param text one text, or one for each side: they need not be the same.
 */
export function align(
  student: ByteTokenizer,
  teacher: ByteTokenizer,
  text: string | { readonly student: string; readonly teacher: string },
): AlignedTexts {
  const texts = typeof text === "string" ? { student: text, teacher: text } : text;
  const [s, t] = [sideOf(student, texts.student), sideOf(teacher, texts.teacher)];
  return { student: s, teacher: t, ...alignBytes(s.bytes, t.bytes) };
}

function sideOf(tokenizer: ByteTokenizer, text: string): AlignedSide {
  const spans = tokenSpans(tokenizer, text);
  return { ...spans, bytes: spans.ids.map((id) => tokenizer.tokenBytes(id)) };
}

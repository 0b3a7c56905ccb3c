// Characters of UTF-8 bytes, and the letters that remain when case, accents, compatibility forms and spaces are put aside.

export const SPACE = 0x20;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The character that begins there; undefined at the end and for bytes that are no character. */
export function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const lead = bytes[at];
  if (lead === undefined) return undefined;
  if (lead < 0x80) return String.fromCharCode(lead);
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    return undefined;
  }
}

export function byteLength(char: string): number {
  const point = char.codePointAt(0) ?? 0;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/** An accent, half-width voicing marks included: part of the letter before it. */
export const isMark = (char: string | undefined): boolean =>
  char !== undefined && char >= "\u0300" && /^\p{M}+$/u.test(char.normalize("NFKD"));

export function afterMarks(bytes: Uint8Array, from: number): number {
  for (let at = from; ;) {
    const char = characterAt(bytes, at);
    if (char === undefined || !isMark(char)) return at;
    at += byteLength(char);
  }
}

const forms = new Map<string, string>();

/** Without accents, case, compatibility forms and invisible characters; any white space, and SentencePiece's ▁, as a space. */
export function folded(char: string): string {
  let form = forms.get(char);
  if (form === undefined) {
    form = /[\s▁]/u.test(char)
      ? " "
      : char
          .normalize("NFKD")
          .toLowerCase()
          .normalize("NFKD")
          .replaceAll(/[\p{M}\p{Cc}\p{Cf}]/gu, "")
          .replaceAll("ς", "σ")
          .replaceAll(/\s/gu, " ");
    forms.set(char, form);
  }
  return form;
}

/** The letters of a text in their folded form, each with the byte at which its character begins. */
export interface Letters {
  readonly forms: readonly string[];
  readonly starts: readonly number[];
}

/** White space is left out; a byte that is no character stands for itself. */
export function lettersOf(bytes: Uint8Array): Letters {
  const [forms, starts]: [string[], number[]] = [[], []];
  for (let at = 0; at < bytes.length;) {
    const char = characterAt(bytes, at);
    const letters = char === undefined ? [`\0${bytes[at]}`] : [...folded(char).replaceAll(" ", "")];
    for (const letter of letters) {
      forms.push(letter);
      starts.push(at);
    }
    at += char === undefined ? 1 : byteLength(char);
  }
  return { forms, starts };
}

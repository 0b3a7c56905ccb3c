// JSON as it was written: JSON.parse rounds whole numbers beyond 2^53, and two ids of 64 bits become one.

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x2d, 0x30, 0x39];

/** JSON.parse, but a whole number that a double cannot hold, or a number that overflows it, comes as its own text. */
export const parseJson = (text: string): unknown =>
  JSON.parse(/\d{16}|\d[eE]\+?\d{3}/.test(text) ? quoteLongNumbers(text) : text) as unknown;

/** One pass over the text, strings skipped. */
function quoteLongNumbers(text: string): string {
  const parts: string[] = [];
  let [from, at] = [0, 0];
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at);
      const number = text.slice(at, end);
      if (isInexact(number)) {
        parts.push(text.slice(from, at), `"${number}"`);
        from = end;
      }
      at = end;
    } else at++;
  }
  return parts.join("") + text.slice(from);
}

/** Where the string that opens at `at` is over. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

function endOfNumber(text: string, at: number): number {
  let end = at + 1;
  while (/[\d.eE+-]/.test(text[end] ?? "")) end++;
  return end;
}

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;

const EXACT_DIGITS = 15;
const LONGEST = 40; // digits; BigInt takes the square of the time for twice as many

function isInexact(number: string): boolean {
  if (/^-?[1-9]\d*$/.test(number)) {
    if (number.length <= EXACT_DIGITS) return false;
    return number.length > LONGEST || String(Number(number)) !== number;
  }
  return /^-?(0|[1-9]\d*)(\.\d+)?[eE]\+?\d+$/.test(number) && !Number.isFinite(Number(number));
}

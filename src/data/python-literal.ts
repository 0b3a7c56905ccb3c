// Lists and dictionaries as Python prints them: what pandas puts into the cells of a CSV for messages. NumPy's arrays too,
// whose items have no commas between them.

/** A string, a word, a number or a mark, after white space. The letters of a string are read on their own. */
const TOKEN = /\s*(?:(["'])|(None|True|False|array|dtype=object)\b|(-?\d[\d.eE+-]*)|([[\]{}(),:])|$)/y;
const WORDS: Readonly<Record<string, string>> = { None: "null", True: "true", False: "false" };

/** The same as JSON text, for JSON.parse to judge; undefined for what is no such literal. */
export function pythonAsJson(text: string): string | undefined {
  const out: string[] = [];
  const open: string[] = []; // what closes each "(" that is open
  let at = 0;
  const value = (json: string): void => {
    if (/[\]}"\dle]$/.test(out.at(-1) ?? "")) out.push(","); // behind another value: NumPy's items
    out.push(json);
  };
  const close = (mark: string): void => {
    if (out.at(-1) === ",") out.pop(); // a tuple of one, a comma at the end
    out.push(mark);
  };
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const [, quote, word, number, mark] = TOKEN.exec(text) ?? [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ];
    if (TOKEN.lastIndex === 0) return undefined;
    at = TOKEN.lastIndex;
    if (quote !== undefined) {
      const string = readString(text, at, quote);
      if (!string) return undefined;
      value(JSON.stringify(string.text));
      at = string.end;
    } else if (number !== undefined) value(number);
    else if (word === "array") {
      if (text[at] !== "(") return undefined;
      open.push("");
      at++;
    } else if (word !== undefined && word in WORDS) value(WORDS[word] ?? "");
    else if (word !== undefined) close(""); // dtype=object
    else if (mark === "(") {
      open.push("]");
      value("[");
    } else if (mark === ")") {
      const closing = open.pop();
      if (closing === undefined) return undefined;
      if (closing !== "") close(closing);
    } else if (mark === "[" || mark === "{") value(mark);
    else if (mark === "]" || mark === "}") close(mark);
    else if (mark !== undefined) out.push(mark);
  }
  return out.filter((piece) => piece !== "").join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", t: "\t", r: "\r", a: "\u0007", b: "\b", f: "\f", v: "\v", "0": "\0", "\n": "" },
};
const CODES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** @param at behind the quote that opens it. */
function readString(text: string, at: number, quote: string): { text: string; end: number } | undefined {
  const parts: string[] = [];
  const special = quote === "'" ? /['\\]/g : /["\\]/g;
  let from = at;
  for (;;) {
    special.lastIndex = from;
    const end = special.exec(text)?.index;
    if (end === undefined) return undefined;
    parts.push(text.slice(from, end));
    if (text[end] === quote) return { text: parts.join(""), end: end + 1 };
    const escape = text[end + 1] ?? "";
    const digits = CODES[escape];
    from = end + 2 + (digits ?? 0);
    if (digits === undefined) parts.push(ESCAPES[escape] ?? (/['"\\]/.test(escape) ? escape : `\\${escape}`));
    else {
      const code = Number.parseInt(text.slice(end + 2, from), 16);
      if (!(code <= 0x10ffff)) return undefined;
      parts.push(String.fromCodePoint(code));
    }
  }
}

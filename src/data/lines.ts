// Lines of a text that comes in pieces. Their ends are \n, \r\n or \r, and may be cut in two by a piece's end.

export interface LineReader {
  push(text: string): void;
  end(): void;
}

const MOST_CHARACTERS = 2 ** 29 - 2 ** 16; // of one string, in V8; a little room below it

/**
 * In time that grows with the text, however long a line is: a piece is looked through once, and the parts of a line are
 * joined once. `tooLong` hears of a line that no string can hold; it is left out.
 */
export function createLineReader(
  line: (text: string, at: number) => void,
  tooLong: (at: number) => void,
): LineReader {
  let parts: string[] = [];
  let [length, at, open] = [0, 1, false];
  const add = (text: string): void => {
    if (text !== "") open = true;
    length += text.length;
    if (length <= MOST_CHARACTERS) parts.push(text);
    else parts = [];
  };
  const finish = (): void => {
    if (length > MOST_CHARACTERS) tooLong(at);
    else line(parts.join("").replace(/^\uFEFF+/, ""), at); // files that were joined have a mark in the middle
    [parts, length, open] = [[], 0, false];
    at++;
  };
  let carriageReturn = false; // the last piece ended in one: an \n may follow
  return {
    push(piece) {
      let text = carriageReturn ? `\r${piece}` : piece;
      carriageReturn = text.endsWith("\r");
      if (carriageReturn) text = text.slice(0, -1);
      let from = 0;
      for (const { 0: end, index } of text.matchAll(/\r\n|\n|\r/g)) {
        add(text.slice(from, index));
        finish();
        from = index + end.length;
      }
      add(text.slice(from));
    },
    end() {
      if (carriageReturn || open) finish();
    },
  };
}

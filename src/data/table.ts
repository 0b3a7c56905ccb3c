// Cells of a table, RFC 4180: quoted ones may hold separators, line breaks and doubled quotes.

export interface CellSink {
  cells(cells: readonly string[], line: number): void;
  /** A quote that opens in `line` has no end: the `lines` that follow belong to its cell. */
  unclosed(line: number, lines: number): void;
}

export interface TableReader {
  push(text: string): void;
  end(): void;
}

const [LF, CR] = [0x0a, 0x0d];

type State = "start" | "plain" | "quoted" | "quote";

/** In time that grows with the text: cells are taken in slices, not letter by letter. */
export function createTableReader(separator: string, sink: CellSink): TableReader {
  const special = new RegExp(`[${/[\\\]^-]/.test(separator) ? `\\${separator}` : separator}\\r\\n]`, "g");
  let cells: string[] = [];
  let cell = "";
  let state: State = "start";
  let [line, rowLine, quoteLine] = [1, 1, 1];
  let carriageReturn = false; // the last character

  function row(): void {
    cells.push(cell);
    const full = cells;
    [cells, cell, state] = [[], "", "start"];
    if (full.length > 1 || full[0]?.trim() !== "") sink.cells(full, rowLine);
  }

  /** A slice of a quoted cell: up to the next quote. */
  function quoted(text: string, at: number): number {
    const end = text.indexOf('"', at);
    const stop = end < 0 ? text.length : end;
    cell += text.slice(at, stop);
    for (let i = at; i < stop; i++) {
      const code = text.charCodeAt(i);
      if (code === CR || (code === LF && !carriageReturn)) line++;
      carriageReturn = code === CR;
    }
    if (end < 0) return text.length;
    [state, carriageReturn] = ["quote", false];
    return end + 1;
  }

  /** A slice outside of quotes, with what ends it. */
  function plain(text: string, at: number): number {
    special.lastIndex = at;
    const end = special.exec(text)?.index ?? text.length;
    if (end > at) {
      const slice = text.slice(at, end);
      // Files that were joined have a mark at the start of a row in the middle.
      cell += cells.length === 0 && cell === "" ? slice.replace(/^\uFEFF+/, "") : slice;
      state = cell === "" ? "start" : "plain";
      carriageReturn = false;
    }
    if (end === text.length) return end;
    const c = text[end];
    if (c === separator) {
      cells.push(cell);
      [cell, state, carriageReturn] = ["", "start", false];
    } else if (c === "\n" && carriageReturn) {
      carriageReturn = false; // the second half of \r\n
    } else {
      row();
      rowLine = ++line;
      carriageReturn = c === "\r";
    }
    return end + 1;
  }

  function step(text: string, at: number): number {
    if (state === "quoted") return quoted(text, at);
    const c = text[at];
    if (c === "\uFEFF" && state === "start" && cells.length === 0) return at + 1;
    if (c === '"' && (state === "start" || state === "quote")) {
      if (state === "quote") cell += c; // a doubled quote
      else quoteLine = line;
      [state, carriageReturn] = ["quoted", false];
      return at + 1;
    }
    return plain(text, at);
  }

  return {
    push(text) {
      for (let at = 0; at < text.length;) at = step(text, at);
    },
    end() {
      if (state === "quoted") sink.unclosed(quoteLine, line - quoteLine);
      else if (cell !== "" || cells.length > 0) row();
    },
  };
}

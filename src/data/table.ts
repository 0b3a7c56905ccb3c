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

export const createTableReader = (separator: string, sink: CellSink): TableReader =>
  new Cells(separator, sink);

const [LF, CR] = [0x0a, 0x0d];

/** In time that grows with the text: cells are taken in slices, not letter by letter. */
class Cells implements TableReader {
  private readonly special: RegExp;
  private cells: string[] = [];
  private cell = "";
  /** "spaces": the cell is nothing else so far. A quote after them opens it, as in `a, "b, c"`. */
  private state: "start" | "spaces" | "plain" | "quoted" | "quote" = "start";
  private line = 1;
  private rowLine = 1;
  private quoteLine = 1;
  /** The last character was one: an \n behind it ends no further line. */
  private carriageReturn = false;

  constructor(
    private readonly separator: string,
    private readonly sink: CellSink,
  ) {
    const escaped = /[[\\\]^-]/.test(separator) ? `\\${separator}` : separator;
    this.special = new RegExp(`[${escaped}\\r\\n]`, "g");
  }

  push(text: string): void {
    for (let at = 0; at < text.length;) at = this.step(text, at);
  }

  end(): void {
    if (this.state === "quoted") this.sink.unclosed(this.quoteLine, this.line - this.quoteLine);
    else if (this.cell !== "" || this.cells.length > 0) this.row();
  }

  /** From one character that matters to the next; gives where that is. */
  private step(text: string, at: number): number {
    const { state } = this;
    if (state === "quoted") return this.quoted(text, at);
    const c = text[at];
    if (c === "\uFEFF" && state === "start" && this.cells.length === 0) return at + 1;
    if (c === " " && (state === "start" || state === "spaces")) return this.spaces(text, at);
    if (c !== '"' || state === "plain") return this.plain(text, at);
    if (state === "quote") this.cell += c; // a doubled quote
    else [this.cell, this.quoteLine] = ["", this.line];
    [this.state, this.carriageReturn] = ["quoted", false];
    return at + 1;
  }

  /** In front of a cell: they are its own unless a quote follows. */
  private spaces(text: string, at: number): number {
    let end = at;
    while (text[end] === " ") end++;
    this.add(text.slice(at, end));
    this.state = "spaces";
    return end;
  }

  /** A slice of a quoted cell, up to the next quote. */
  private quoted(text: string, at: number): number {
    const end = text.indexOf('"', at);
    const stop = end < 0 ? text.length : end;
    this.cell += text.slice(at, stop);
    for (let i = at; i < stop; i++) {
      const code = text.charCodeAt(i);
      if (code === CR || (code === LF && !this.carriageReturn)) this.line++;
      this.carriageReturn = code === CR;
    }
    if (end < 0) return text.length;
    [this.state, this.carriageReturn] = ["quote", false];
    return end + 1;
  }

  /** A slice outside of quotes, with what ends it. */
  private plain(text: string, at: number): number {
    this.special.lastIndex = at;
    const end = this.special.exec(text)?.index ?? text.length;
    if (end > at) this.add(text.slice(at, end));
    if (end === text.length) return end;
    const c = text[end];
    if (c === this.separator) {
      this.cells.push(this.cell);
      [this.cell, this.state, this.carriageReturn] = ["", "start", false];
    } else if (c === "\n" && this.carriageReturn) {
      this.carriageReturn = false; // the second half of \r\n
    } else {
      this.row();
      this.rowLine = ++this.line;
      this.carriageReturn = c === "\r";
    }
    return end + 1;
  }

  private add(slice: string): void {
    // Files that were joined have a byte order mark at the start of a row in the middle.
    const first = this.cells.length === 0 && this.cell === "";
    this.cell += first ? slice.replace(/^\uFEFF+/, "") : slice;
    this.state = this.cell === "" ? "start" : "plain";
    this.carriageReturn = false;
  }

  private row(): void {
    const full = [...this.cells, this.cell];
    [this.cells, this.cell, this.state] = [[], "", "start"];
    if (full.length > 1 || full[0]?.trim() !== "") this.sink.cells(full, this.rowLine);
  }
}

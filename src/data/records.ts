// Data files as records, a chunk of text at a time: JSON lines, a JSON list, CSV or TSV with a header, plain text.
// A record that cannot be read becomes a problem with its line, and the next one is read all the same.

import { DataError } from "./errors";

export type DataKind = "jsonl" | "json" | "csv" | "tsv" | "txt";

export type DataRecord = Readonly<Record<string, unknown>>;

export interface RecordSink {
  record(record: DataRecord, line: number): void;
  problem(message: string, line: number): void;
}

export interface RecordReader {
  push(text: string): void;
  /** @throws DataError when the file as a whole is not what it is taken for. */
  end(): void;
}

/** By the name's ending; a name that says nothing is judged by how the text begins. */
export function kindOf(name: string, head: string): DataKind {
  const [, ending = ""] = /\.(\w+)(?:\.gz)?$/.exec(name.toLowerCase()) ?? [];
  if (ending === "jsonl" || ending === "ndjson") return "jsonl";
  if (ending === "csv" || ending === "tsv") return ending;
  const start = head.replace(/^\uFEFF/, "").trimStart();
  if (ending === "json") return /^\{[^\n]*\}\s*\n\s*\{/.test(start) ? "jsonl" : "json";
  if (start.startsWith("[")) return "json";
  if (start.startsWith("{")) return "jsonl";
  return "txt";
}

export function createRecordReader(kind: DataKind, sink: RecordSink): RecordReader {
  switch (kind) {
    case "jsonl":
      return lineReader((line, at) => {
        if (line.trim() !== "") jsonRecord(line, at, sink);
      });
    case "json":
      return jsonReader(sink);
    case "csv":
      return tableReader(",", sink);
    case "tsv":
      return tableReader("\t", sink);
    case "txt":
      return textReader(sink);
  }
}

/** Ends of lines may be split between chunks, and be \n, \r\n or \r. */
function lineReader(
  line: (text: string, at: number) => void,
  end: () => void = () => undefined,
): RecordReader {
  let [rest, at] = ["", 1];
  const cut = (last: boolean): void => {
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = last ? "" : (lines.pop() ?? "");
    for (const text of lines) line(at === 1 ? text.replace(/^\uFEFF/, "") : text, at++);
  };
  return {
    push(text) {
      rest += text;
      cut(false);
    },
    end() {
      cut(true);
      end();
    },
  };
}

function jsonRecord(text: string, line: number, sink: RecordSink): void {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) sink.record(value, line);
    else sink.problem(`expected a JSON object, got ${text.slice(0, 40)}`, line);
  } catch (error) {
    sink.problem(`not JSON (${error instanceof Error ? error.message : "?"})`, line);
  }
}

/** A list of objects, at the top or under the one field that holds one ("data", "rows", "train" and the like). */
function jsonReader(sink: RecordSink): RecordReader {
  const parts: string[] = [];
  return {
    push: (text) => void parts.push(text),
    end() {
      let value: unknown;
      try {
        value = JSON.parse(parts.join("").replace(/^\uFEFF/, ""));
      } catch (error) {
        throw new DataError(`the file is not JSON (${error instanceof Error ? error.message : "?"})`);
      }
      const list = Array.isArray(value)
        ? value
        : isRecord(value)
          ? Object.values(value).find(Array.isArray)
          : undefined;
      if (!list)
        throw new DataError("expected a JSON list of objects, or an object with one list of them in it");
      list.forEach((item: unknown, i) => {
        if (isRecord(item)) sink.record(item, i + 1);
        else sink.problem(`item ${i + 1} is not an object`, i + 1);
      });
    },
  };
}

/** RFC 4180: quoted cells may hold separators, line breaks and doubled quotes. The first row names the columns. */
function tableReader(separator: string, sink: RecordSink): RecordReader {
  let header: string[] | undefined;
  let cells: string[] = [];
  let cell = "";
  let state: "start" | "plain" | "quoted" | "quote" = "start";
  let [line, rowLine, cr] = [1, 1, false];

  function row(): void {
    cells.push(cell);
    const full = cells;
    [cells, cell, state] = [[], "", "start"];
    if (full.length === 1 && full[0]?.trim() === "") return;
    if (!header) {
      header = full.map((name) => name.replace(/^\uFEFF/, "").trim());
      return;
    }
    const names = header;
    if (full.length > names.length)
      sink.problem(
        `has ${full.length} cells, the header ${names.length}; quote cells that hold "${separator}"`,
        rowLine,
      );
    else sink.record(Object.fromEntries(full.map((value, i) => [names[i] ?? "", value])), rowLine);
  }

  function character(c: string): void {
    if (state === "quoted") {
      if (c === '"') state = "quote";
      else cell += c;
      return;
    }
    if (c === '"' && (state === "start" || state === "quote")) {
      if (state === "quote") cell += c; // a doubled quote
      state = "quoted";
      return;
    }
    if (c === separator) {
      cells.push(cell);
      [cell, state] = ["", "start"];
      return;
    }
    if (c === "\n" || c === "\r") {
      row();
      rowLine = line + 1;
      return;
    }
    cell += c;
    state = "plain";
  }

  return {
    push(text) {
      for (const c of text) {
        const second = c === "\n" && cr;
        cr = c === "\r";
        if (second && state !== "quoted") continue; // the \n of \r\n
        character(c);
        if (c === "\n" || c === "\r") line++;
      }
    },
    end() {
      if (state === "quoted") sink.problem("a quoted cell is never closed", rowLine);
      else if (cell !== "" || cells.length > 0) row();
      if (!header) throw new DataError("the table is empty; its first row must name the columns");
    },
  };
}

/** "prompt<tab>output" lines; otherwise paragraphs, whose first line asks and whose other lines answer. */
function textReader(sink: RecordSink): RecordReader {
  let [block, start]: [string[], number] = [[], 1];
  const flush = (): void => {
    const [first = "", ...others] = block;
    if (block.length === 1) sink.problem("a paragraph needs a second line, which answers the first", start);
    if (block.length > 1) sink.record({ prompt: `${first}\n`, output: others.join("\n") }, start);
    block = [];
  };
  return lineReader((text, at) => {
    const tab = text.indexOf("\t");
    if (tab > 0 && block.length === 0)
      return sink.record({ prompt: text.slice(0, tab), output: text.slice(tab + 1) }, at);
    if (text.trim() === "") return flush();
    if (block.length === 0) start = at;
    block.push(text);
  }, flush);
}

const isRecord = (value: unknown): value is DataRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

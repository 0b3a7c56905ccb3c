// Data files as records, a piece of text at a time: JSON lines, JSON, tables with a header, plain text.
// A record that cannot be read becomes a problem with its place, and the next one is read all the same.

import { DataError } from "./errors";
import { isConversation } from "./conversation-cells";
import { parseJson } from "./exact-json";
import { createJsonReader } from "./json-file";
import type { DataKind } from "./kinds";
import { createLineReader } from "./lines";
import { type RecordReader, type RecordSink } from "./record";
import { isRecord } from "../base/json";
import { findSeparator, SEPARATOR_NAMES } from "./separators";
import { createTableReader } from "./table";

/** What a reader needs to know before the first record. */
export interface ReaderOptions {
  /** The beginning of the text, as `kindOf` takes it. */
  readonly head: string;
  /** Which of several parts; see `RecordSink.parts`. */
  readonly part?: string | undefined;
}

export function createRecordReader(
  kind: DataKind,
  sink: RecordSink,
  { head, part }: ReaderOptions,
): RecordReader {
  switch (kind) {
    case "jsonl":
      return createLineReader(
        (line, at) => {
          if (line.trim() !== "") jsonRecord(line, at, sink);
        },
        (at) => sink.problem("the line has more than 512 MB", at),
      );
    case "json":
      return createJsonReader(sink, part);
    case "csv":
    case "tsv":
      return tableReader(kind, head, sink);
    case "txt":
      return textReader(sink);
    case "parquet":
      throw new DataError("it is not a Parquet file: these begin with PAR1");
  }
}

function jsonRecord(text: string, line: number, sink: RecordSink): void {
  try {
    const value = parseJson(text);
    if (isRecord(value)) sink.record(value, line);
    else if (isConversation(value)) sink.record({ messages: value }, line);
    else sink.problem(`expected a JSON object, got ${text.slice(0, 40)}`, line);
  } catch (error) {
    sink.problem(`not JSON (${error instanceof Error ? error.message : "?"})`, line);
  }
}

/** The first row names the columns. */
function tableReader(kind: "csv" | "tsv", head: string, sink: RecordSink): RecordReader {
  const { separator, skip, said } = findSeparator(head, kind === "tsv" ? "\t" : ",");
  const name = SEPARATOR_NAMES[separator] ?? `"${separator}"`;
  if (said || separator !== (kind === "tsv" ? "\t" : ","))
    sink.note(`cells are separated by ${name}${said ? ", as the file's first line says" : ""}`);
  let header: readonly string[] | undefined;
  let toSkip = skip;
  const reader = createTableReader(separator, {
    cells(cells, at) {
      const line = skip > 0 ? at + 1 : at; // the line that names the separator
      if (!header) header = columnNames(cells, sink);
      else if (isHeader(cells, header)) sink.problem("repeats the header", line);
      else tableRecord(cells, header, name, line, sink);
    },
    unclosed(at, lines) {
      const line = skip > 0 ? at + 1 : at;
      const lost = lines > 0 ? `; what follows (${lines} more line breaks) was taken for its text` : "";
      sink.problem(`a quoted cell is never closed${lost}`, line);
    },
  });
  return {
    push(text) {
      const from = Math.min(toSkip, text.length);
      toSkip -= from;
      reader.push(text.slice(from));
    },
    end() {
      reader.end();
      if (!header) throw new DataError("the table is empty; its first row must name the columns");
    },
  };
}

/** Two columns of one name would be one: the second is numbered. */
function columnNames(cells: readonly string[], sink: RecordSink): string[] {
  const seen = new Map<string, number>();
  return cells.map((cell) => {
    const name = cell.replaceAll("\uFEFF", "").trim();
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    if (before === 0 || name === "") return name;
    const own = `${name} (${before + 1})`;
    sink.note(`the header names "${name}" more than once; the further one is called "${own}"`);
    return own;
  });
}

const isHeader = (cells: readonly string[], header: readonly string[]): boolean =>
  cells.length === header.length && cells.every((cell, i) => cell.trim() === header[i]);

function tableRecord(
  cells: readonly string[],
  header: readonly string[],
  separator: string,
  line: number,
  sink: RecordSink,
): void {
  const beyond = cells.slice(header.length);
  if (beyond.every((cell) => cell.trim() === ""))
    return sink.record(
      Object.fromEntries(header.map((name, i): [string, string] => [name, cells[i] ?? ""])),
      line,
    );
  sink.problem(
    `has ${cells.length} cells, the header ${header.length}; cells are separated by ${separator}: quote those that hold one`,
    line,
  );
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
  const lines = createLineReader(
    (text, at) => {
      const tab = text.indexOf("\t");
      if (tab > 0 && block.length === 0)
        return sink.record({ prompt: text.slice(0, tab), output: text.slice(tab + 1) }, at);
      if (text.trim() === "") return flush();
      if (block.length === 0) start = at;
      block.push(text);
    },
    (at) => sink.problem("the line has more than 512 MB", at),
  );
  return {
    push: (text) => lines.push(text),
    end() {
      lines.end();
      flush();
    },
  };
}

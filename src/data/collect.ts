// Records as rows: the columns get a meaning, what cannot be used is counted with its reason and its place.
import { DataError } from "./errors";
import { type DataKind, KIND_NAMES } from "./kinds";
import { guessMapping, type Mapping, toRow, unusedColumns } from "./mapping";
import { promptMapping, promptRow } from "./prompt-rows";
import type { DataRecord, FilePart, RecordSink } from "./record";
import type { Row } from "./rows";

export interface RowProblem {
  /** A line of the file, or the number of a row: see `ImportedRows.places`. */
  readonly line: number;
  readonly reason: string;
}

export interface ImportedRows {
  readonly kind: DataKind;
  readonly mapping: Mapping;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** What problems are numbered by. */
  readonly places: "line" | "row";
  /** The first of those that dropped out, and how many there are by reason. */
  readonly problems: readonly RowProblem[];
  readonly dropped: Readonly<Record<string, number>>;
  /** How the file was read, and what of it takes no part: whole sentences' worth, to be shown. */
  readonly notes: readonly string[];
  /** Of a file with several lists of rows: which there are, and which was read ("all": every one). */
  readonly parts?: { readonly all: readonly FilePart[]; readonly chosen: string };
}

/** The first records as they are, before any column is given a meaning. */
export interface Peek {
  readonly kind: DataKind;
  readonly columns: readonly string[];
  /** As text, cut short. */
  readonly samples: readonly Readonly<Record<string, string>>[];
}

export interface ImportOptions {
  /** Instead of the guess. */
  readonly mapping?: Mapping;
  readonly kind?: DataKind;
  /** Of a file with several lists of rows, such as train and test: the one to read, or "all". */
  readonly part?: string | undefined;
  readonly maxRows?: number;
  /** Rows without an answer are taken as prompts alone. */
  readonly promptsOnly?: boolean | undefined;
  /** Called once, before columns are given a meaning, which may fail. */
  readonly onPeek?: ((peek: Peek) => void) | undefined;
}

export interface RowCollector extends RecordSink {
  /** @throws DataError when nothing could be used. */
  finish(): ImportedRows;
  /** Shows what was seen of a file that cannot be read to its end. */
  peek(): void;
  readonly count: number;
}

const PROBLEMS_KEPT = 50;
const GUESS_FROM = 20;
const SAMPLES = 3;
const SAMPLE_LENGTH = 240;
const MAX_ROWS = 1_000_000;
const MAX_COLUMNS = 1000;

/** `name` is the file's, in errors. */
export function createRowCollector(name: string, kind: DataKind, options: ImportOptions): RowCollector {
  const { maxRows = MAX_ROWS, onPeek } = options;
  const places: ImportedRows["places"] = kind === "json" || kind === "parquet" ? "row" : "line";
  const rows: Row[] = [];
  const ids = new Map<string, number>();
  const tally = createTally();
  const columns = new Set<string>();
  const first: DataRecord[] = [];
  const waiting: [DataRecord, number][] = [];
  const notes: string[] = [];
  let parts: ImportedRows["parts"];
  let mapping = options.mapping;
  let [records, peeked] = [0, false];

  const { problem } = tally;
  function take(record: DataRecord, line: number, by: Mapping): void {
    if (rows.length >= maxRows) return problem(`only the first ${maxRows} rows are read`, line);
    try {
      const row = rowOf(record, line, by);
      const seen = ids.get(row.id) ?? 0;
      ids.set(row.id, seen + 1);
      rows.push(seen === 0 ? row : { ...row, id: `${row.id} (${seen + 1})` });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problem(error.message, line);
    }
  }
  function rowOf(record: DataRecord, line: number, by: Mapping): Row {
    const bare = () => promptRow(record, by, `${places} ${line}`);
    if (!options.promptsOnly) return toRow(record, by, line, places);
    if (by.format === "columns" && by.prompt === by.output) return bare();
    try {
      return toRow(record, by, line, places);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return bare();
    }
  }
  function peek(): void {
    if (peeked) return;
    peeked = true;
    onPeek?.({ kind, columns: [...columns], samples: first.slice(0, SAMPLES).map(asText) });
  }
  function settle(): void {
    peek();
    if (waiting.length === 0) return;
    const guessed = (mapping ??= guess()); // once, and an error of its own
    for (const [record, line] of waiting.splice(0)) take(record, line, guessed);
  }
  function guess(): Mapping {
    try {
      return guessMapping([...columns], first);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const prompts = options.promptsOnly ? promptMapping([...columns]) : undefined;
      if (prompts) return prompts;
      throw new DataError(`${name}, read as ${KIND_NAMES[kind]}: ${error.message}`);
    }
  }
  return {
    record(given, line) {
      const record = withoutMarks(given);
      records++;
      if (columns.size < MAX_COLUMNS) for (const column of Object.keys(record)) columns.add(column);
      if (first.length < GUESS_FROM) first.push(record);
      if (peeked && mapping) return take(record, line, mapping);
      waiting.push([record, line]);
      if (waiting.length >= GUESS_FROM) settle();
    },
    problem,
    note: (text) => void notes.push(text),
    parts: (all, chosen) => void (parts = { all, chosen }),
    peek,
    finish() {
      settle();
      if (rows.length === 0 || !mapping) throw nothing(name, kind, records, tally.problems()[0], places);
      if (parts) notes.push(partsNote(parts.all, parts.chosen));
      const unused = unusedColumns([...columns], mapping);
      if (unused.length > 0) notes.push(`columns that take no part: ${listed(unused)}`);
      const bare = rows.filter(({ output }) => output === "").length;
      if (bare > 0) notes.push(`${bare} of ${rows.length} rows are prompts without an answer`);
      if (rows.length === 1) notes.push("a run needs two rows, one to train on and one that is held out");
      const found = { rows, places, problems: tally.problems(), dropped: tally.dropped, notes };
      const seen = { kind, mapping, columns: [...columns], ...found } as const;
      return { ...seen, ...(parts && { parts }) };
    },
    get count() {
      return rows.length;
    },
  };
}

/** What dropped out: the first with their places, all by their reasons. */
function createTally() {
  const kept: RowProblem[] = [];
  const dropped: Record<string, number> = {};
  return {
    dropped,
    problem(this: void, reason: string, line: number): void {
      if (kept.length < PROBLEMS_KEPT) kept.push({ line, reason });
      const plain = reason.replaceAll(/\d+/g, "…"); // one reason, whatever the numbers in it
      dropped[plain] = (dropped[plain] ?? 0) + 1;
    },
    problems: () => kept.toSorted((a, b) => a.line - b.line),
  };
}

/** A byte order mark in front of a column's name comes from a file that was converted. */
function withoutMarks(record: DataRecord): DataRecord {
  if (!Object.keys(record).some((column) => column.startsWith("\uFEFF"))) return record;
  return Object.fromEntries(
    Object.entries(record).map(([column, value]) => [column.replace(/^\uFEFF+/, ""), value]),
  );
}

function nothing(
  name: string,
  kind: DataKind,
  records: number,
  first: RowProblem | undefined,
  places: string,
): DataError {
  if (!first) return new DataError(`${name} holds no usable rows; ${records === 0 ? "it is empty" : "none"}`);
  return new DataError(
    `${name}, read as ${KIND_NAMES[kind]}, holds no usable rows; the first problem, in ${places} ${first.line}: ${first.reason}`,
  );
}

function partsNote(all: readonly FilePart[], chosen: string): string {
  const names = all.map(({ name, rows }) => `${name} (${rows})`).join(", ");
  return `the file holds several lists of rows: ${names}; ${chosen === "all" ? "all of them are" : `"${chosen}" is`} read`;
}

const MOST_NAMES = 12;
const listed = (names: readonly string[]): string =>
  names.slice(0, MOST_NAMES).join(", ") +
  (names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "");

const asText = (record: DataRecord): Record<string, string> =>
  Object.fromEntries(
    Object.entries(record).map(([column, value]) => {
      const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
      return [column, text.length > SAMPLE_LENGTH ? `${text.slice(0, SAMPLE_LENGTH)}…` : text];
    }),
  );

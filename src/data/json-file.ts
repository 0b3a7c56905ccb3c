// A JSON file as records, whatever its shape: a list of objects, or one under a name; several lists, as the splits of a
// data set; columns of values; rows of a dataset viewer; one record alone; one value after another.
import { isConversation, isOneRow } from "./conversation-cells";
import { DataError } from "./errors";
import { parseJson } from "./exact-json";
import { type DataRecord, type RecordReader, type RecordSink } from "./record";
import { isRecord } from "../base/json";

/** @param part which of several lists; "all" takes them one after the other. */
export function createJsonReader(sink: RecordSink, part?: string): RecordReader {
  const parts: string[] = [];
  return {
    push: (text) => void parts.push(text),
    end() {
      readValue(parse(whole(parts)), sink, part);
    },
  };
}

function whole(parts: readonly string[]): string {
  try {
    return parts.join("").replace(/^\uFEFF+/, "");
  } catch {
    throw new DataError(
      "the file is one JSON value of more than 512 MB; save it as JSON lines, one row a line",
    );
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const values = valuesOf(text);
    if (values) return values;
    throw new DataError(`the file is not JSON (${error instanceof Error ? error.message : "?"})`);
  }
}

/** Objects or lists one after the other, over any lines; undefined when the text is anything else. */
function valuesOf(text: string): unknown[] | undefined {
  const values: unknown[] = [];
  let [depth, from, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quoted) {
      if (c === "\\") at++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{" || c === "[") depth++;
    else if ((c === "}" || c === "]") && --depth === 0) {
      try {
        values.push(parseJson(text.slice(from, at + 1)));
      } catch {
        return undefined;
      }
      from = at + 1;
    }
  }
  const rest = text.slice(from).trim() === "";
  if (values.length < 2 || !rest) return undefined;
  return values.flatMap((value) => (Array.isArray(value) && !isConversation(value) ? value : [value]));
}

function readValue(value: unknown, sink: RecordSink, part: string | undefined): void {
  if (isRecord(value) && isOneRow(value)) return sink.record(value, 1);
  const list = listOf(value, sink);
  if (list) return tell(list, sink);
  const lists = isRecord(value) ? listsIn(value) : [];
  const names = lists.map(([name]) => name);
  if (names.length > 1) {
    const chosen = part ?? choice(lists);
    if (chosen !== "all" && !names.includes(chosen))
      throw new DataError(`there is no part "${chosen}" in the file; there are ${names.join(", ")}`);
    sink.parts?.(
      lists.map(([name, { length }]) => ({ name, rows: length })),
      chosen,
    );
    tell(
      lists.flatMap(([name, items]) => (chosen === "all" || name === chosen ? items : [])),
      sink,
    );
    return;
  }
  if (lists[0]) return tell(lists[0][1], sink);
  const cells = isRecord(value) ? Object.values(value) : [];
  const [inner, ...others] = cells.filter(isRecord);
  if (inner && others.length === 0) return readValue(inner, sink, part);
  if (isRecord(value) && cells.some((cell) => typeof cell === "string")) return sink.record(value, 1);
  throw new DataError("expected a JSON list of objects, or an object with one list of them in it");
}

/** Rows in one of the shapes that are a table by themselves. */
function listOf(value: unknown, sink?: RecordSink): readonly unknown[] | undefined {
  if (isConversation(value)) return [{ messages: value }];
  if (Array.isArray(value)) return value;
  if (!isRecord(value)) return undefined;
  return viewerRows(value, sink) ?? pandasRows(value) ?? columnRows(value);
}

/** {features, rows: [{row_idx, row: {…}, truncated_cells}]} of a dataset viewer; cells that it cut are no data. */
function viewerRows(value: DataRecord, sink: RecordSink | undefined): readonly unknown[] | undefined {
  const { rows, num_rows_total: total } = value;
  if (!Array.isArray(rows) || rows.length === 0) return undefined;
  const items: unknown[] = rows;
  if (!items.every((item) => isRecord(item) && isRecord(item["row"]) && "row_idx" in item)) return undefined;
  if (typeof total === "number" && total > items.length)
    sink?.note(`these are ${items.length} of the data set's ${total} rows, as its viewer gave them`);
  return items.map((item) => {
    if (!isRecord(item)) return item;
    const { row, truncated_cells: cut } = item;
    return Array.isArray(cut) && cut.length > 0 ? new CutRow(cut.map(String)) : row;
  });
}

class CutRow {
  constructor(readonly cells: readonly string[]) {}
}

/** pandas' orient="split": {columns, data}; "index": {index: row}; and its default, {column: {index: cell}}. */
function pandasRows(value: DataRecord): readonly unknown[] | undefined {
  const { columns, data } = value;
  if (isTexts(columns) && Array.isArray(data) && data.every(Array.isArray)) {
    const rows = data as unknown[][]; // the line above
    return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  }
  const entries = Object.entries(value);
  const first = entries[0]?.[1];
  if (!isRecord(first)) return undefined;
  const rows = entries.map(([, row]) => row);
  if (rows.every((row) => isRecord(row) && isOneRow(row))) return rows;
  const index = Object.keys(first);
  const even = entries.every(([, cells]) => isRecord(cells) && index.every((at) => at in cells));
  if (index.length === 0 || !index.every((at) => /^\d+$/.test(at)) || !even) return undefined;
  return index.map((at) =>
    Object.fromEntries(entries.map(([name, cells]) => [name, isRecord(cells) ? cells[at] : undefined])),
  );
}

/** {column: [cells]}, all of one length. */
function columnRows(value: DataRecord): readonly unknown[] | undefined {
  const entries = Object.entries(value).filter((entry): entry is [string, unknown[]] =>
    Array.isArray(entry[1]),
  );
  const length = entries[0]?.[1].length ?? 0;
  if (entries.length < 2 || entries.length < Object.keys(value).length || length === 0) return undefined;
  const even = entries.every(([, cells]) => cells.length === length);
  const plain = entries.every(([, cells]) => cells.every((cell) => !isRecord(cell)));
  if (!even || !plain) return undefined;
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(entries.map(([name, cells]) => [name, cells[i]])),
  );
}

/** Lists of records under names: the rows ("data", "rows", "train" and the like), or the splits of a data set. */
function listsIn(value: DataRecord): [string, readonly unknown[]][] {
  return Object.entries(value).flatMap(([name, item]): [string, readonly unknown[]][] => {
    const list = isConversation(item) ? undefined : listOf(item);
    return list && list.some((row) => isRecord(row) || isConversation(row)) ? [[name, list]] : [];
  });
}

const TRAIN = /^train/i;

/** The part to train on: "train", or the longest. */
function choice(lists: readonly [string, readonly unknown[]][]): string {
  const longest = lists.toSorted(([, a], [, b]) => b.length - a.length);
  return (longest.find(([name]) => TRAIN.test(name)) ?? longest[0])?.[0] ?? "";
}

function tell(list: readonly unknown[], sink: RecordSink): void {
  list.forEach((item, i) => {
    if (item instanceof CutRow)
      sink.problem(`the dataset viewer cut ${item.cells.join(", ")} short; take the file itself`, i + 1);
    else if (isRecord(item)) sink.record(item, i + 1);
    else if (isConversation(item)) sink.record({ messages: item }, i + 1);
    else sink.problem(`is not an object`, i + 1);
  });
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");

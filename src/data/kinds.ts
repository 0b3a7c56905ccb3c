// What a text is: told by the name's ending, and where that says nothing or is wrong, by how the text begins.
import { isRecord } from "../base/json";
import { looksLikeHeader } from "./column-names";
import { isOneRow } from "./conversation-cells";
import { cellsOf, findSeparator } from "./separators";

export type DataKind = "jsonl" | "json" | "csv" | "tsv" | "txt" | "parquet";

export const KIND_NAMES: Readonly<Record<DataKind, string>> = {
  jsonl: "JSON lines",
  json: "JSON",
  csv: "a table",
  tsv: "a table",
  txt: "plain text",
  parquet: "Parquet",
};

/** Enough of a text to tell, in characters. */
export const HEAD_LENGTH = 64 * 1024;

/** @param head the first HEAD_LENGTH characters, or all of a shorter text. */
export function kindOf(name: string, head: string): DataKind {
  const [, ending = ""] = /\.(\w+)(?:\.gz)?$/.exec(name.toLowerCase()) ?? [];
  const start = head.replace(/^\uFEFF+/, "").trimStart();
  const cut = head.length >= HEAD_LENGTH && !/[\r\n]/.test(start); // no line ends so early
  const json = jsonKind(start, cut);
  if (ending === "jsonl" || ending === "ndjson")
    return json === "json" && !(cut && start.startsWith("{")) ? "json" : "jsonl";
  if (ending === "json") return json === "jsonl" && /[\r\n]/.test(start.trimEnd()) ? "jsonl" : "json";
  if ((json === "jsonl" && /^\{\s*["}]/.test(start)) || (json === "json" && /^[[{]\s*[[{"]/.test(start)))
    return json; // whatever it is called
  if (ending === "csv" || ending === "tsv") return ending;
  return json ?? tableKind(start) ?? "txt";
}

/** Lists, and objects over several lines, are read whole; objects that are each on a line of their own, line by line. */
function jsonKind(start: string, cut: boolean): "json" | "jsonl" | undefined {
  if (start.startsWith("[") || /^\{\s*[\r\n]/.test(start)) return "json";
  if (!start.startsWith("{")) return undefined;
  if (cut) return "json"; // which reads lines, too
  const [first = "", second] = start.split(/[\r\n]+/, 2);
  if (second?.trimStart().startsWith("{")) return "jsonl";
  const value = parsed(first);
  return isRecord(value) && !holdsTables(value) ? "jsonl" : "json";
}

/** One object with a list of objects in it, or with nothing but lists and objects, is a file and no row. */
const holdsTables = (value: object): boolean =>
  !isOneRow(value) &&
  (Object.values(value).some((item) => Array.isArray(item) && isRecord(item[0])) ||
    Object.values(value).every((item) => typeof item === "object" && item !== null));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A table whose name does not say so, as pasted cells: its first row names columns that are known, or is of single words,
 * and all other rows have as many cells. Tabs without such a header are the pairs of plain text.
 */
function tableKind(head: string): "csv" | "tsv" | undefined {
  const { separator, skip, said } = findSeparator(head, ",");
  const kind = separator === "\t" ? "tsv" : "csv";
  if (said) return kind;
  const [header = [], ...rows] = cellsOf(head.slice(skip), separator);
  if (rows.length === 0) return undefined;
  if (looksLikeHeader(header)) return kind;
  if (separator === "\t" || header.length < 2) return undefined;
  const words = header.every((name) => /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(name));
  return words && rows.every(({ length }) => length === header.length) ? kind : undefined;
}

// Cells that hold a conversation, in the shapes in which files keep them.
import { isRecord } from "../base/json";
import { looksLikeHeader } from "./column-names";
import { DataError } from "./errors";
import { parseJson } from "./exact-json";
import { pythonAsJson } from "./python-literal";

const SAID = ["content", "value", "text", "parts", "message", "tool_calls", "function_call"];

/** A message of a role, in the fields that `readConversation` knows. */
function isTurn(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { author } = value;
  const role = value["role"] ?? value["from"] ?? value["speaker"] ?? (isRecord(author) ? author["role"] : "");
  return typeof role === "string" && role !== "" && SAID.some((field) => field in value);
}

/** A list of {role, content} or {from, value}. */
export const isConversation = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && value.length > 0 && value.every(isTurn);

/** An object that is a row by itself, whatever lists it holds besides: a conversation, or a text that asks and one that answers. */
export const isOneRow = (value: object): boolean =>
  Object.values(value).some(isConversation) ||
  looksLikeHeader(Object.entries(value).flatMap(([name, cell]) => (typeof cell === "string" ? [name] : [])));

/** The same in any shape that `messagesIn` reads. */
export function holdsConversation(value: unknown): boolean {
  if (typeof value === "string")
    return /^\s*(?:array\()?\[\s*\{\s*["'](role|from|speaker|content|value)["']\s*:/.test(value);
  return isConversation(value) || isTurn(value) || asColumns(value) !== undefined;
}

/** {role: […], content: […]}: what Parquet files keep of a sequence of structures. */
function asColumns(value: unknown): unknown[] | undefined {
  if (!isRecord(value)) return undefined;
  const roles = value["role"] ?? value["from"];
  if (!Array.isArray(roles)) return undefined;
  return roles.map((_, i) =>
    Object.fromEntries(
      Object.entries(value).map(([key, list]) => [key, Array.isArray(list) ? list[i] : undefined]),
    ),
  );
}

/**
 * The messages of a cell: a list, one message, a list as the text of JSON or of Python, or columns of roles and contents; anything else as
 * it is.
 *
 * @param column names the cell in errors. @throws DataError for text that is no list of messages.
 */
export function messagesIn(value: unknown, column: string): unknown {
  if (typeof value === "string") return value.trim() === "" ? [] : fromText(value, column);
  const columns = asColumns(value);
  if (columns) return columns;
  if (isTurn(value)) return [value];
  return value ?? [];
}

function fromText(text: string, column: string): unknown {
  let value: unknown;
  try {
    value = parseLiteral(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "?";
    throw new DataError(`"${column}" holds text that is no JSON list of messages (${why})`);
  }
  if (typeof value === "object" && value !== null) return messagesIn(value, column);
  if (typeof value === "string" && value.trim() !== "") return fromText(value, column); // JSON in JSON
  throw new DataError(`"${column}" holds text that is no JSON list of messages`);
}

/** JSON, or the same as Python prints it. */
function parseLiteral(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const json = pythonAsJson(text);
    if (json === undefined) throw error;
    return parseJson(json);
  }
}

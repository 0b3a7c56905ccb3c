// From the columns of other people's data to our rows. The guess names a format in use where it recognizes one; any
// column can be mapped by hand instead.

import { CHAINS, CHATS, OUTPUTS, PROMPTS } from "./column-names";
import { readConversation, splitReply, writtenOut } from "./conversation";
import { holdsConversation, messagesIn } from "./conversation-cells";
import { DataError } from "./errors";
import { parseJson } from "./exact-json";
import type { DataRecord } from "./record";
import { readRow, type Row } from "./rows";
import { exactMatch, hasConclusion } from "./score";
import { thoughtPrompt } from "./thought-prompt";

export type DataFormat = "couplet" | "rationale" | "alpaca" | "dolly" | "gsm8k" | "chat" | "columns";

/** Which column holds what. `context` is put before the question's answer space, on its own lines. */
export interface Mapping {
  readonly format: DataFormat;
  readonly prompt: string;
  readonly output: string;
  readonly context?: string;
  /** What stands before everything, and earlier questions with their answers (Alpaca's files of conversations). */
  readonly system?: string;
  readonly history?: string;
  readonly promptCot?: string;
  readonly outputCot?: string;
  readonly answer?: string;
  readonly id?: string;
  readonly family?: string;
}

/** @param columns the names in the first records. @throws DataError when no column looks like a prompt or an output. */
export function guessMapping(columns: readonly string[], samples: readonly DataRecord[]): Mapping {
  const has = (...names: string[]): boolean => names.every((name) => columns.includes(name));
  const extras = {
    ...(has("id") && { id: "id" }),
    ...(has("family") ? { family: "family" } : has("category") ? { family: "category" } : {}),
  };
  if (has("prompt_raw", "output_raw"))
    return { format: "rationale", prompt: "prompt_raw", output: "output_raw", ...extras };
  const chat = guessChat(columns, samples);
  if (isOurs(columns, samples)) return { format: "couplet", prompt: "prompt", output: "output", ...extras };
  if (chat) return { format: "chat", ...chat, ...extras };
  if (has("instruction", "response"))
    return {
      format: "dolly",
      prompt: "instruction",
      output: "response",
      ...(has("context") && { context: "context" }),
      ...extras,
    };
  if (has("instruction", "output"))
    return {
      format: "alpaca",
      prompt: "instruction",
      output: "output",
      ...(has("input") && { context: "input" }),
      ...(has("system") && { system: "system" }),
      ...(has("history") && { history: "history" }),
      ...extras,
    };
  if (
    has("question", "answer") &&
    samples.some(({ answer }) => typeof answer === "string" && gsm8kAnswer(answer) !== undefined)
  )
    return { format: "gsm8k", prompt: "question", output: "answer", ...extras };
  return guessColumns(columns, extras);
}

/** Our own fields. Other names for a chain of thought are those of other people's columns. */
function isOurs(columns: readonly string[], samples: readonly DataRecord[]): boolean {
  if (columns.includes("prompt_cot") && columns.includes("output_cot")) return true;
  if (!columns.includes("prompt") || !columns.includes("output")) return false;
  if (samples.some(({ prompt, output }) => holdsConversation(prompt) || holdsConversation(output)))
    return false;
  return !columns.some((column) => column !== "output_cot" && CHAINS.includes(column.toLowerCase()));
}

/** A column of conversations, or one that asks and one that answers (TRL's prompt and completion). */
function guessChat(
  columns: readonly string[],
  samples: readonly DataRecord[],
): Pick<Mapping, "prompt" | "output"> | undefined {
  const among = (names: readonly string[]): string[] =>
    names.flatMap((name) => columns.filter((column) => column.toLowerCase() === name));
  const talks = (column: string): boolean => samples.some((record) => holdsConversation(record[column]));
  const named = among(CHATS).find((column) => /^(messages|conversations)$/i.test(column) || talks(column));
  if (named !== undefined) return { prompt: named, output: named };
  const prompt = among(PROMPTS).find(talks);
  const output = among(OUTPUTS).filter((column) => column !== prompt);
  const answer = output.find(talks) ?? (prompt === undefined ? undefined : output[0]);
  if (prompt !== undefined && answer !== undefined) return { prompt, output: answer };
  const whole = columns.find(talks);
  return whole === undefined ? undefined : { prompt: whole, output: whole };
}

function guessColumns(columns: readonly string[], extras: Pick<Mapping, "id" | "family">): Mapping {
  const find = (names: readonly string[], taken: readonly (string | undefined)[]): string | undefined => {
    const free = columns.filter((column) => !taken.includes(column));
    const like = (name: string) => free.find((column) => column.toLowerCase() === name);
    return names.map(like).find((column) => column !== undefined);
  };
  const prompt = find(PROMPTS, []);
  const output = find(OUTPUTS, [prompt]);
  if (prompt === undefined || output === undefined) {
    throw new DataError(
      `no column looks like ${prompt === undefined ? "a prompt" : "an output"}; there are ${columns.slice(0, 12).join(", ") || "none"}. ` +
        "Say which column is which, or name them prompt and output.",
    );
  }
  const outputCot = find(CHAINS, [prompt, output]);
  const promptCot = find(["prompt_cot"], [prompt, output]);
  const answer = find(["answer", "final_answer"], [prompt, output]);
  return {
    ...{ format: "columns", prompt, output },
    ...(outputCot !== undefined && { outputCot }),
    ...(outputCot !== undefined && promptCot !== undefined && { promptCot }),
    ...(answer !== undefined && { answer }),
    ...extras,
  };
}

/** Columns of the file that a mapping does not read. */
export function unusedColumns(columns: readonly string[], mapping: Mapping): string[] {
  const { format, ...chosen } = mapping;
  const own = ["prompt", "output", "prompt_cot", "output_cot", "id", "family", "answer", "messages", "tools"];
  const read =
    format === "couplet"
      ? own
      : format === "rationale"
        ? ["prompt", "output", "prompt_raw", "output_raw", "id", "family", "answer"]
        : [...Object.values(chosen), ...(format === "chat" ? ["system", "tools"] : [])];
  return columns.filter((column) => column !== "" && !read.includes(column));
}

/** "… #### X" at the end of an answer. */
function gsm8kAnswer(text: string): { chain: string; answer: string } | undefined {
  const at = text.lastIndexOf("####");
  const answer = at < 0 ? "" : text.slice(at + 4).trim();
  return answer === "" || answer.includes("\n") ? undefined : { chain: text.slice(0, at), answer };
}

/**
 * @param line where the record is, in what `places` counts; a row without an id is named by it.
 * @throws DataError saying what the record lacks.
 */
export function toRow(
  record: DataRecord,
  mapping: Mapping,
  line: number,
  places: "line" | "row" = "line",
): Row {
  const place = { at: line, name: `${places} ${line}` };
  switch (mapping.format) {
    case "couplet":
    case "rationale":
      return ownRow(record, place);
    case "chat":
      return chatRow(record, mapping, place);
    case "gsm8k":
      return gsm8kRow(record, mapping, place);
    default:
      return columnRow(record, mapping, place);
  }
}

interface PlaceName {
  readonly at: number;
  readonly name: string;
}

function ownRow(record: DataRecord, { at, name }: PlaceName): Row {
  const messages = record["messages"];
  const json = {
    ...record,
    ...(typeof messages === "string" && { messages: messagesIn(messages, "messages") }),
  };
  const row = readRow(json, at, { error: (message) => new DataError(message, at) });
  return row.id === `line ${at}` ? { ...row, id: name } : row;
}

function columnRow(record: DataRecord, mapping: Mapping, place: PlaceName): Row {
  const context = mapping.context === undefined ? "" : text(record, mapping.context).trim();
  const asked = required(record, mapping.prompt, place);
  const own =
    mapping.context === undefined && mapping.format === "columns" ? asked : question(asked, context);
  const prompt = `${earlier(record, mapping)}${own}`;
  const output = required(record, mapping.output, place);
  const chain = mapping.outputCot === undefined ? "" : text(record, mapping.outputCot).trim();
  const given = mapping.promptCot === undefined ? "" : text(record, mapping.promptCot);
  const promptCot = given || thoughtPrompt(prompt);
  return {
    ...named(record, mapping, place),
    prompt,
    output,
    ...(chain !== "" && { promptCot, outputCot: concluded(chain, output) }),
  };
}

/** Instructions and earlier questions with their answers, as the row's own question is written. */
function earlier(record: DataRecord, mapping: Mapping): string {
  const system = mapping.system === undefined ? "" : text(record, mapping.system).trim();
  const stored = mapping.history === undefined ? undefined : record[mapping.history];
  const history: unknown = typeof stored === "string" && stored.trim() !== "" ? jsonOf(stored) : stored;
  if (history !== undefined && history !== null && history !== "" && !Array.isArray(history))
    throw new DataError(`"${mapping.history}" must be a list of questions with their answers`);
  const turns = (Array.isArray(history) ? (history as unknown[]) : []).map((pair) => {
    const [asked, answered]: unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof asked === "string" && typeof answered === "string")
      return `${question(asked, "")}${answered.trim()}\n\n`;
    throw new DataError(`"${mapping.history}" must be a list of questions with their answers`);
  });
  return `${system === "" ? "" : `${system}\n\n`}${turns.join("")}`;
}

/** The text itself when it is not JSON. */
function jsonOf(stored: string): unknown {
  try {
    return parseJson(stored);
  } catch {
    return stored;
  }
}

/** The reasoning before "####" is the chain, what follows the answer; calculator notes <<2+3=5>> go. */
function gsm8kRow(record: DataRecord, mapping: Mapping, place: PlaceName): Row {
  const found = gsm8kAnswer(required(record, mapping.output, place));
  if (!found) throw new DataError(`"${mapping.output}" does not end in "#### answer"`, place.at);
  const { answer } = found;
  const chain = found.chain.replaceAll(/<<[^<>]*>>/g, "").trim();
  const prompt = question(required(record, mapping.prompt, place), "");
  const row = { ...named(record, mapping, place), prompt, output: answer, answer };
  return chain === ""
    ? row
    : { ...row, promptCot: thoughtPrompt(prompt), outputCot: concluded(chain, answer) };
}

/**
 * Everything up to the last reply is the prompt. Each model reads the turns in its own template; for those without one,
 * and to show and compare rows, roles are written out. What was thought before the last reply is its chain of thought.
 */
function chatRow(record: DataRecord, mapping: Mapping, place: PlaceName): Row {
  const { prompt: column, output: answers } = mapping;
  const { system, tools } = record;
  const messages =
    column === answers
      ? messagesIn(record[column], column)
      : [...asMessages(record, column, "user"), ...asMessages(record, answers, "assistant")];
  const conversation = readConversation(messages, { system, tools });
  const { before, reply } = splitReply(conversation.turns, answers);
  const prompt = writtenOut({ ...conversation, turns: before });
  const output = reply.content.trim(); // templates trim it or not: both models shall read the same
  const { reasoning } = reply;
  return {
    ...named(record, mapping, place),
    ...{ prompt, output, turns: before },
    ...(conversation.tools && { tools: conversation.tools }),
    ...(reasoning !== undefined && {
      promptCot: thoughtPrompt(prompt),
      outputCot: concluded(reasoning.trim(), output),
    }),
  };
}

/** A column beside another of messages may hold plain text: one message of its role. */
function asMessages(record: DataRecord, column: string, role: "user" | "assistant"): readonly unknown[] {
  const value = record[column];
  if (typeof value === "string" && !holdsConversation(value)) return [{ role, content: value }];
  const messages = messagesIn(value, column);
  if (Array.isArray(messages)) return messages as unknown[];
  throw new DataError(`"${column}" must be text or a list of messages`);
}

const question = (asked: string, context: string): string =>
  `${context === "" ? "" : `${context}\n\n`}Question: ${asked.trim()}\nAnswer:\n`;

/** A chain that ends in its answer stays as it is; "the answer is" elsewhere in it is no conclusion. */
const concluded = (chain: string, answer: string): string =>
  hasConclusion(chain) && exactMatch(chain, answer)
    ? chain
    : `${chain}\nTherefore, the answer is: ${answer.trim()}`;

function named(
  record: DataRecord,
  mapping: Mapping,
  place: PlaceName,
): Pick<Row, "id" | "family" | "answer"> {
  const of = (column: string | undefined): string => (column === undefined ? "" : text(record, column));
  const [id, family, answer] = [of(mapping.id), of(mapping.family), of(mapping.answer)];
  return { id: id || place.name, ...(family && { family }), ...(answer && { answer }) };
}

function required(record: DataRecord, column: string, { at }: PlaceName): string {
  const value = text(record, column);
  if (value.trim() !== "") return value;
  const given = record[column];
  if (typeof given === "object" && given !== null)
    throw new DataError(
      `"${column}" must be text, it is ${Array.isArray(given) ? "a list" : "an object"}`,
      at,
    );
  throw new DataError(`"${column}" is missing or empty`, at);
}

/** Numbers and truth values are often meant as text; lists and objects are not. */
function text(record: DataRecord, column: string): string {
  const value = record[column];
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

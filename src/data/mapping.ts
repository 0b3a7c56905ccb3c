// From the columns of other people's data to our rows. The guess names a format in use where it recognizes one; any
// column can be mapped by hand instead.

import { readConversation, splitReply, writtenOut } from "./conversation";
import { DataError } from "./errors";
import type { DataRecord } from "./records";
import { readRow, type Row } from "./rows";
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

const PROMPTS = ["prompt", "question", "instruction", "input", "query", "problem", "source", "text"];
const OUTPUTS = ["output", "response", "answer", "completion", "target", "solution", "label"];
const CHAINS = ["rationale", "chain_of_thought", "cot", "reasoning", "explanation", "thinking"];

/** @param columns the names in the first records. @throws DataError when no column looks like a prompt or an output. */
export function guessMapping(columns: readonly string[], samples: readonly DataRecord[]): Mapping {
  const has = (...names: string[]): boolean => names.every((name) => columns.includes(name));
  const extras = {
    ...(has("id") && { id: "id" }),
    ...(has("family") ? { family: "family" } : has("category") ? { family: "category" } : {}),
  };
  if (has("messages") || has("conversations")) {
    const column = has("messages") ? "messages" : "conversations";
    return { format: "chat", prompt: column, output: column, ...extras };
  }
  if (has("prompt_raw", "output_raw"))
    return { format: "rationale", prompt: "prompt_raw", output: "output_raw", ...extras };
  if (has("prompt_cot", "output_cot"))
    return { format: "couplet", prompt: "prompt", output: "output", ...extras };
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
    samples.some(({ answer }) => typeof answer === "string" && GSM8K.test(answer))
  )
    return { format: "gsm8k", prompt: "question", output: "answer", ...extras };
  return guessColumns(columns, extras);
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
        "Say which column is which.",
    );
  }
  const outputCot = find(CHAINS, [prompt, output]);
  return { format: "columns", prompt, output, ...(outputCot !== undefined && { outputCot }), ...extras };
}

const GSM8K = /####\s*(\S[^\n]*)\s*$/;

/** @throws DataError saying what the record lacks. */
export function toRow(record: DataRecord, mapping: Mapping, line: number): Row {
  switch (mapping.format) {
    case "couplet":
    case "rationale":
      return readRow({ ...record }, line, { error: (message) => new DataError(message, line) });
    case "chat":
      return chatRow(record, mapping, line);
    case "gsm8k":
      return gsm8kRow(record, mapping, line);
    default:
      return columnRow(record, mapping, line);
  }
}

function columnRow(record: DataRecord, mapping: Mapping, line: number): Row {
  const context = mapping.context === undefined ? "" : text(record, mapping.context).trim();
  const asked = required(record, mapping.prompt, line);
  const own =
    mapping.context === undefined && mapping.format === "columns" ? asked : question(asked, context);
  const prompt = `${earlier(record, mapping)}${own}`;
  const output = required(record, mapping.output, line);
  const chain = mapping.outputCot === undefined ? "" : text(record, mapping.outputCot).trim();
  const promptCot = mapping.promptCot === undefined ? prompt : text(record, mapping.promptCot) || prompt;
  return {
    ...named(record, mapping, line),
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
    return JSON.parse(stored) as unknown;
  } catch {
    return stored;
  }
}

/** The reasoning before "####" is the chain, what follows the answer; calculator notes <<2+3=5>> go. */
function gsm8kRow(record: DataRecord, mapping: Mapping, line: number): Row {
  const whole = required(record, mapping.output, line);
  const answer = GSM8K.exec(whole)?.[1]?.trim();
  if (answer === undefined) throw new DataError(`"${mapping.output}" does not end in "#### answer"`, line);
  const chain = whole
    .replace(GSM8K, "")
    .replaceAll(/<<[^>]*>>/g, "")
    .trim();
  const asked = required(record, mapping.prompt, line);
  const prompt = question(asked, "");
  const outputCot = concluded(chain, answer);
  return { ...named(record, mapping, line), prompt, output: answer, answer, promptCot: prompt, outputCot };
}

/**
 * Everything up to the last reply is the prompt. Each model reads the turns in its own template; for those without one,
 * and to show and compare rows, roles are written out. What was thought before the last reply is its chain of thought.
 */
function chatRow(record: DataRecord, mapping: Mapping, line: number): Row {
  const { system, tools } = record;
  const conversation = readConversation(record[mapping.prompt], { system, tools });
  const { before, reply } = splitReply(conversation.turns, mapping.prompt);
  const prompt = writtenOut({ ...conversation, turns: before });
  const output = reply.content.trim(); // templates trim it or not: both models shall read the same
  const { reasoning } = reply;
  return {
    ...named(record, mapping, line),
    ...{ prompt, output, turns: before },
    ...(conversation.tools && { tools: conversation.tools }),
    ...(reasoning !== undefined && {
      promptCot: thoughtPrompt(prompt),
      outputCot: concluded(reasoning.trim(), output),
    }),
  };
}

const question = (asked: string, context: string): string =>
  `${context === "" ? "" : `${context}\n\n`}Question: ${asked.trim()}\nAnswer:\n`;

const concluded = (chain: string, answer: string): string =>
  /answer is/i.test(chain) ? chain : `${chain}\nTherefore, the answer is: ${answer.trim()}`;

function named(record: DataRecord, mapping: Mapping, line: number): Pick<Row, "id" | "family" | "answer"> {
  const of = (column: string | undefined): string => (column === undefined ? "" : text(record, column));
  const [id, family, answer] = [of(mapping.id), of(mapping.family), of(mapping.answer)];
  return { id: id || `line ${line}`, ...(family && { family }), ...(answer && { answer }) };
}

function required(record: DataRecord, column: string, line: number): string {
  const value = text(record, column);
  if (value.trim() === "") throw new DataError(`"${column}" is missing or empty`, line);
  return value;
}

/** Numbers and truth values are often meant as text; lists and objects are not. */
function text(record: DataRecord, column: string): string {
  const value = record[column];
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

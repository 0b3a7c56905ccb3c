// Rows of a data set, as JSON lines: {prompt, output} and, for chain of thought, {prompt_cot, output_cot}.
// The published CoT2Align files name them the other way round: there prompt/output is the CoT side and
// prompt_raw/output_raw the plain one (METHODS.md §7).

import type { ChatTools, ChatTurn } from "../models";
import { readConversation } from "./conversation";
import { DataError } from "./errors";
import { parseJson } from "./exact-json";

export interface Row {
  readonly id: string;
  readonly family?: string;
  readonly prompt: string;
  readonly output: string;
  readonly promptCot?: string;
  readonly outputCot?: string;
  readonly answer?: string;
  /** The conversation that `prompt` writes out: models with a chat template read it in that. */
  readonly turns?: readonly ChatTurn[];
  /** Definitions of the tools that the conversation may call. */
  readonly tools?: ChatTools;
}

/** Which side of a row: the plain answer, or the one that thinks aloud. */
export type View = "plain" | "cot";

type Json = Record<string, unknown>;

/** `source` names the file in errors. */
export function parseRows(text: string, source: string): Row[] {
  const rows: Row[] = [];
  const lineOfId = new Map<string, number>();
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const at = place(source, i + 1);
    const row = readRow(parseLine(line, at), i + 1, at);
    const earlier = lineOfId.get(row.id);
    if (earlier !== undefined)
      throw at.error(`id "${row.id}" is already on line ${earlier}; give each row its own`);
    lineOfId.set(row.id, i + 1);
    rows.push(row);
  }
  if (rows.length === 0)
    throw new DataError(`${source} holds no rows; put one JSON object {"prompt", "output"} per line`);
  return rows;
}

export interface Place {
  error(message: string): DataError;
}

const place = (source: string, line: number): Place => ({
  error: (message) => new DataError(`${source}, line ${line}: ${message}`, line),
});

function parseLine(line: string, at: Place): Json {
  let json: unknown;
  try {
    json = parseJson(line);
  } catch (error) {
    const hint = /^\s*\[/.test(line) ? " A JSON array must be split into lines." : "";
    throw at.error(`not a JSON object on one line (${error instanceof Error ? error.message : "?"}).${hint}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw at.error(`expected a JSON object such as {"prompt": "…", "output": "…"}, got ${line.slice(0, 40)}`);
  }
  return { ...json };
}

export function readRow(json: Json, line: number, at: Place): Row {
  const published = json["prompt_raw"] !== undefined || json["output_raw"] !== undefined;
  if (published && (json["prompt_cot"] !== undefined || json["output_cot"] !== undefined)) {
    throw at.error(
      "has both *_raw and *_cot fields; keep one pair, or it is unclear which side is the chain of thought",
    );
  }
  const [plain, cot] = published ? ["_raw", ""] : ["", "_cot"];
  const output = text(json, `output${plain}`, at);
  const prompt = text(json, `prompt${plain}`, at);
  if (prompt.trim() === "") throw at.error(`needs a "prompt${plain}" that is not empty`);
  if (output.trim() === "")
    throw at.error(`needs an "output${plain}" that is not empty: the student learns to write it`);
  const outputCot = text(json, `output${cot}`, at);
  const promptCot = text(json, `prompt${cot}`, at);
  if (promptCot && !outputCot)
    throw at.error(`has "prompt${cot}" without "output${cot}"; add it or remove both`);
  const { turns, tools } = conversation(json, at);
  const before = turns.at(-1)?.role === "assistant" ? turns.slice(0, -1) : turns;
  const [family, answer] = [label(json, "family", at), label(json, "answer", at)];
  return {
    id: label(json, "id", at) ?? `line ${line}`,
    prompt,
    output,
    ...(outputCot && { outputCot, promptCot: promptCot || prompt }),
    ...(family !== undefined && { family }),
    ...(answer !== undefined && { answer }),
    ...(before.length > 0 && { turns: before }),
    ...(before.length > 0 && tools && { tools }),
  };
}

/** What `messages` adds to a row: none where there are none. */
function conversation(json: Json, at: Place): ReturnType<typeof readConversation> {
  const { messages, tools } = json;
  if (messages === undefined || messages === null) return { turns: [] };
  try {
    return readConversation(messages, { tools });
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw at.error(error.message);
  }
}

/** A missing or null field is the empty text: the callers say which may be empty. */
function text(json: Json, field: string, at: Place): string {
  const value = json[field] ?? "";
  if (typeof value === "number" || typeof value === "boolean") return String(value); // meant as text
  if (typeof value !== "string")
    throw at.error(`"${field}" must be text, got ${JSON.stringify(value).slice(0, 40)}`);
  return value;
}

/** Ids and answers are often written as numbers. */
function label(json: Json, field: string, at: Place): string | undefined {
  const value = json[field] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw at.error(`"${field}" must be text or a number, got ${JSON.stringify(value).slice(0, 40)}`);
}

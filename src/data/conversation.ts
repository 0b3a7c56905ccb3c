// What a conversation is, whoever's file it comes from: turns of one role each, with their words, the tools that are called
// and what was thought before a reply. Whatever a model could not be shown is refused by name, and so counted; nothing is
// left out on the way.

import { parseJson } from "./exact-json";
import type { ChatTools, ChatTurn, ToolCall } from "../models";
import { DataError } from "./errors";

export interface Conversation {
  readonly turns: readonly ChatTurn[];
  /** Definitions of the tools that it may call. */
  readonly tools?: ChatTools;
}

/** What some files keep beside the list of messages. */
export interface BesideMessages {
  readonly system?: unknown;
  readonly tools?: unknown;
}

type Json = Readonly<Record<string, unknown>>;

const ROLES: Readonly<Record<ChatTurn["role"] | "call", readonly string[]>> = {
  system: ["system", "developer", "instructions"],
  user: ["user", "human", "prompter", "customer", "instruction", "question", "usr"],
  assistant: [
    "assistant",
    "gpt",
    "model",
    "bot",
    "chatbot",
    "chatgpt",
    "ai",
    "bing",
    "bard",
    "claude",
    "llm",
    "answer",
  ],
  tool: [
    "tool",
    "function",
    "observation",
    "ipython",
    "tool_response",
    "tool_result",
    "function_response",
    "environment",
  ],
  call: ["function_call", "tool_call", "tool_calls"],
};
const ROLE_OF = new Map(
  Object.entries(ROLES).flatMap(([role, names]) =>
    names.map((name) => [name, role as keyof typeof ROLES] as const),
  ), // the keys are these
);

/**
 * A list of messages as OpenAI's ({role, content}), ShareGPT's ({from, value}) and others' files write them, or that list
 * as JSON text.
 *
 * @throws DataError naming what could not be shown to a model: an unknown role, an image, an empty message.
 */
export function readConversation(value: unknown, beside: BesideMessages = {}): Conversation {
  const list = typeof value === "string" ? parsed(value) : value;
  if (!Array.isArray(list)) throw new DataError(`expected a list of messages, got ${shown(value)}`);
  const system = typeof beside.system === "string" && beside.system.trim() !== "" ? [beside.system] : [];
  const turns = [
    ...system.map((content): ChatTurn => ({ role: "system", content })),
    ...list.map((message: unknown, i) => readTurn(message, i + 1)),
  ].filter(({ role, content }) => role !== "system" || content.trim() !== "");
  const last = list.length > 0 ? record(list.at(-1)) : undefined;
  if (last && notLearned(last)) throw new DataError("the last reply is marked as not to be learned");
  const tools = readTools(beside.tools);
  return { turns: withOneSystem(turns), ...(tools.length > 0 && { tools }) };
}

/** The turns before the last reply, and that reply. @throws DataError when there is none to learn. */
export function splitReply(
  turns: readonly ChatTurn[],
  field: string,
): { before: readonly ChatTurn[]; reply: ChatTurn } {
  const [reply, before] = [turns.at(-1), turns.slice(0, -1)];
  if (!reply || reply.role !== "assistant" || before.length === 0) {
    const last = reply && before.length > 0 ? `; the last message is of the ${reply.role}` : "";
    throw new DataError(`"${field}" must end with a reply of the assistant, after a message${last}`);
  }
  if (reply.calls)
    throw new DataError(
      `the last reply calls a tool (${reply.calls.map(({ name }) => name).join(", ")}); a student learns replies in words`,
    );
  if (reply.content.trim() === "") throw new DataError("the last reply is empty");
  return { before, reply };
}

function readTurn(message: unknown, at: number): ChatTurn {
  if (typeof message === "string") throw new DataError(`message ${at} is text without a role`);
  const json = record(message);
  if (!json) throw new DataError(`message ${at} is not an object, but ${shown(message)}`);
  const named = json["role"] ?? json["from"] ?? json["speaker"] ?? record(json["author"])?.["role"];
  if (typeof named !== "string") throw new DataError(`message ${at} has no role`);
  const role = ROLE_OF.get(
    named
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, "_")
      .replaceAll(/^<?\|?|\|?>?$/g, ""),
  );
  if (!role)
    throw new DataError(
      `message ${at} has the role "${named}", which is none of system, user, assistant and tool`,
    );
  const said = json["content"] ?? json["value"] ?? json["text"] ?? json["parts"] ?? json["message"];
  if (role === "call") return callTurn(said, at);
  const { words, thoughts } = wordsOf(said, at, role === "tool");
  const calls = callsOf(json["tool_calls"] ?? json["function_call"], at);
  const reasoning = [json["reasoning_content"], json["reasoning"], json["thinking"], ...thoughts]
    .filter((text): text is string => typeof text === "string" && text.trim() !== "")
    .join("\n");
  const media = MEDIA.find((field) => !isEmpty(json[field]));
  if (media !== undefined) throw new DataError(`message ${at} has "${media}"; only text is read`);
  if (role === "user" && words.trim() === "") throw new DataError(`message ${at}, of the user, is empty`);
  return {
    ...{ role, content: words },
    ...(reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && { calls }),
    ...(role === "tool" && typeof json["name"] === "string" && { name: json["name"] }),
    ...(typeof json["tool_call_id"] === "string" && { callId: json["tool_call_id"] }),
  };
}

/** What some formats put beside the words of a message. */
const MEDIA = ["images", "image", "image_url", "audio", "audios", "video", "videos"];

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** Formats mark replies that are not to be learned. */
const notLearned = (json: Json): boolean =>
  json["weight"] === 0 || json["train"] === false || json["loss"] === false;

/** ShareGPT's turn of the assistant that is a call, as JSON text. */
function callTurn(said: unknown, at: number): ChatTurn {
  const calls = callsOf(said, at);
  if (calls.length > 0) return { role: "assistant", content: "", calls };
  return { role: "assistant", content: wordsOf(said, at, true).words };
}

/** Text, or parts of which all are text. What a tool says may be any JSON. */
function wordsOf(said: unknown, at: number, anything: boolean): { words: string; thoughts: string[] } {
  if (said === null || said === undefined) return { words: "", thoughts: [] };
  if (typeof said === "string") return { words: said, thoughts: [] };
  if (typeof said === "number" || typeof said === "boolean") return { words: String(said), thoughts: [] };
  const parts: readonly unknown[] = Array.isArray(said)
    ? said
    : ((record(said)?.["parts"] as unknown[] | undefined) ?? [said]);
  const [words, thoughts]: [string[], string[]] = [[], []];
  for (const part of parts) {
    if (typeof part === "string") {
      words.push(part);
      continue;
    }
    const json = record(part) ?? {};
    const type = typeof json["type"] === "string" ? json["type"] : "";
    const text = json["text"] ?? json["value"] ?? json["refusal"];
    const thought =
      json["thinking"] ?? json["reasoning"] ?? (/^(thinking|reasoning)$/.test(type) ? text : undefined);
    if (typeof thought === "string") thoughts.push(thought);
    else if (typeof text === "string" && /^$|text|^refusal$/.test(type)) words.push(text);
    else if (anything && type === "") return { words: JSON.stringify(said), thoughts: [] };
    else
      throw new DataError(`message ${at} holds a part of the type "${type || "unknown"}"; only text is read`);
  }
  return { words: words.join(""), thoughts };
}

function callsOf(value: unknown, at: number): ToolCall[] {
  const given = typeof value === "string" ? parsed(value) : value;
  if (given === null || given === undefined) return [];
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  return list.flatMap((entry): ToolCall[] => {
    const json = record(entry) ?? {};
    const inner = record(json["function"]) ?? json;
    const [name, id] = [inner["name"], json["id"]];
    if (typeof name !== "string") {
      if (typeof value === "string") return []; // text that only looks like a call
      throw new DataError(`message ${at} calls a tool without a name`);
    }
    const args = inner["arguments"] ?? inner["parameters"] ?? {};
    const object = typeof args === "string" ? (record(parsed(args)) ?? args) : args;
    return [{ name, arguments: object, ...(typeof id === "string" && { id }) }];
  });
}

function readTools(value: unknown): ChatTools {
  const list = typeof value === "string" && value.trim() !== "" ? (parsed(value) ?? value) : value;
  if (list === undefined || list === null || list === "") return [];
  if (Array.isArray(list) && list.every((tool) => record(tool) !== undefined)) return list as unknown[];
  throw new DataError(`"tools" must be a list of tools, got ${shown(value)}`);
}

/** Templates know one system message, at the head. */
function withOneSystem(turns: readonly ChatTurn[]): readonly ChatTurn[] {
  const first = turns.findIndex(({ role }) => role !== "system");
  const head = turns.slice(0, first < 0 ? turns.length : first);
  if (head.length < 2) return turns;
  const content = head.map((turn) => turn.content.trim()).join("\n\n");
  return [{ role: "system", content }, ...turns.slice(head.length)];
}

/** For models without a template, and to show rows: roles written out, up to where the next reply begins. */
export function writtenOut({ turns, tools }: Conversation): string {
  const lines = turns.map(({ role, content, reasoning, calls = [], name }) => {
    const called = calls.map((call) => `${call.name} ${JSON.stringify(call.arguments)}`);
    const words = [reasoning, content, ...called]
      .filter((text) => text !== undefined && text !== "")
      .join("\n");
    return `${ROLE_NAMES[role]}${name === undefined ? "" : ` ${name}`}: ${words}\n`;
  });
  return `${tools ? `Tools: ${JSON.stringify(tools)}\n` : ""}${lines.join("")}Assistant: `;
}

const ROLE_NAMES: Readonly<Record<ChatTurn["role"], string>> = {
  system: "System",
  user: "User",
  assistant: "Assistant",
  tool: "Tool",
};

/** Turns as a file of ours holds them: OpenAI's fields, which `readConversation` reads back. */
export const messagesOf = (turns: readonly ChatTurn[]): object[] =>
  turns.map(({ role, content, reasoning, calls, name, callId }) => ({
    ...{ role, content, reasoning_content: reasoning, name, tool_call_id: callId },
    tool_calls: calls?.map(({ id, ...called }) => ({ id, type: "function", function: called })),
  }));

const record = (value: unknown): Json | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

/** Undefined when it is not JSON. */
function parsed(text: string): unknown {
  try {
    return parseJson(text); // ids of 64 bits stay what they are
  } catch {
    return undefined;
  }
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? typeof value).slice(0, 40);

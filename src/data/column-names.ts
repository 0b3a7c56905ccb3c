// Names of columns in use. A file's own are compared in lower case.

export const PROMPTS = ["prompt", "question", "instruction", "input", "query", "problem", "source", "text"];
export const OUTPUTS = [
  ...["output", "response", "answer", "completion", "target", "solution", "label", "chosen"],
];
export const CHAINS = [
  ...["rationale", "chain_of_thought", "cot", "reasoning", "explanation", "thinking", "output_cot"],
];
export const CHATS = ["messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns"];

const KNOWN = new Set([...PROMPTS, ...OUTPUTS, ...CHAINS, ...CHATS, "prompt_raw", "output_raw"]);

export const isKnownColumn = (name: string): boolean => KNOWN.has(name.trim().toLowerCase());

/** A header that asks and answers, or holds conversations: of a file whose name says nothing. */
export const looksLikeHeader = (names: readonly string[]): boolean => {
  const has = (known: readonly string[]): boolean =>
    names.some((name) => known.includes(name.trim().toLowerCase()));
  return has(CHATS) || names.filter(isKnownColumn).length > 1 || (has(PROMPTS) && has(OUTPUTS));
};

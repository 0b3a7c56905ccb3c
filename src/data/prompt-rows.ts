// Rows that are prompts alone, for runs in which the student writes every answer.
import { PROMPTS } from "./column-names";
import { readConversation, writtenOut } from "./conversation";
import { messagesIn } from "./conversation-cells";
import { DataError } from "./errors";
import type { Mapping } from "./mapping";
import type { DataRecord } from "./record";
import type { Row } from "./rows";

/** The column that asks, where none answers. Undefined where there is none. */
export function promptMapping(columns: readonly string[]): Mapping | undefined {
  const like = (name: string) => columns.find((column) => column.toLowerCase() === name);
  const prompt = PROMPTS.map(like).find((column) => column !== undefined);
  if (prompt === undefined) return undefined;
  const [id, answer] = [like("id"), like("answer")];
  return {
    ...{ format: "columns", prompt, output: prompt },
    ...(id !== undefined && { id }),
    ...(answer !== undefined && answer !== prompt && { answer }),
  };
}

/** @throws DataError when there is no prompt either. */
export function promptRow(record: DataRecord, mapping: Mapping, name: string): Row {
  const of = (column: string | undefined): string => {
    const value = column === undefined ? undefined : record[column];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const [id, answer] = [of(mapping.id) || name, of(mapping.answer)];
  const rest = { id, output: "", ...(answer && { answer }) };
  if (mapping.format === "chat") {
    const { system, tools } = record;
    const conversation = readConversation(messagesIn(record[mapping.prompt], mapping.prompt), {
      system,
      tools,
    });
    if (conversation.turns.at(-1)?.role === "assistant")
      throw new DataError(`"${mapping.prompt}" ends with a reply that is empty`);
    return {
      ...{ ...rest, prompt: writtenOut(conversation), turns: conversation.turns },
      ...(conversation.tools && { tools: conversation.tools }),
    };
  }
  const prompt = of(mapping.prompt);
  if (prompt.trim() === "") throw new DataError(`"${mapping.prompt}" is missing or empty`);
  const promptCot = of("prompt_cot");
  return { ...rest, prompt, ...(promptCot && { promptCot }) };
}

// The run's rows as the cluster package reads them: one line a record of training, on the view that it is learned in. What
// was worked out here (which rows can be used, which view each is read on, conversations in each model's own template) is not
// worked out again there.
import type { RunConfig } from "../config/run";
import type { PreparedRow, Row, View } from "../data";
import type { ChatPair, Tokenizer } from "../models";

type Chats = { readonly student: ChatPair | null; readonly teacher: ChatPair | null };

/** Every line has every field: readers of JSON lines take a column's type from it. */
export interface ClusterRow {
  readonly id: string;
  readonly prompt: string;
  readonly output: string;
  /** What either side reads in place of these texts: the conversation in its own template. */
  readonly chat: Chats | null;
  /** The plain view beside a chain of thought, where the method reads both. */
  readonly plain_prompt: string | null;
  readonly plain_output: string | null;
  readonly plain_chat: Chats | null;
  /** What an answer is held against, where it is not in the output. */
  readonly answer: string | null;
}

export interface RowReaders {
  readonly student: Tokenizer;
  readonly teacher: Tokenizer;
  /** Of a row that the objective reads. */
  readonly views: 1 | 2;
}

export function clusterRow(prepared: PreparedRow, { data }: RunConfig, readers: RowReaders): ClusterRow {
  const { row, plain } = prepared;
  const view: View = readers.views === 1 ? data.view : plain ? "cot" : "plain";
  const main = texts(row, view, readers);
  const other = plain && texts(row, "plain", readers);
  return {
    id: row.id,
    ...main,
    plain_prompt: other?.prompt ?? null,
    plain_output: other?.output ?? null,
    plain_chat: other?.chat ?? null,
    answer: row.answer ?? null,
  };
}

function texts(
  row: Row,
  view: View,
  { student, teacher }: RowReaders,
): Pick<ClusterRow, "prompt" | "output" | "chat"> {
  if (view === "cot")
    return { prompt: row.promptCot ?? row.prompt, output: row.outputCot ?? row.output, chat: null };
  const { prompt, output, turns, tools } = row;
  const side = ({ chat }: Tokenizer): ChatPair | null =>
    chat && turns ? chat.pair(turns, output, tools) : null;
  const chat = turns ? { student: side(student), teacher: side(teacher) } : null;
  return { prompt, output, chat: chat && (chat.student || chat.teacher) ? chat : null };
}

export const jsonLines = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

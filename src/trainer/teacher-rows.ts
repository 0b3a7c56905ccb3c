// The training rows of a run: as they are, or with the teacher's own answers (SeqKD), written before the first step.
import type { RunConfig } from "../config/run";
import {
  DataError,
  memoryTexts,
  promptText,
  type Row,
  sequenceLevel,
  type TextCache,
  type Writer,
} from "../data";
import type { Teacher } from "../models";
import type { Progress } from "./load";

export interface TextSources {
  /** Where the teacher's texts are kept; by default until the process or the page ends. */
  readonly teacherTexts?: TextCache | undefined;
  /** Ends the writing, and with it the loading. */
  readonly signal?: AbortSignal | undefined;
}

const kept = memoryTexts();

/** A teacher as a writer of answers: greedy, so that a prompt has one. */
export const writerOf = (teacher: Teacher, name: string, maxNewTokens: number): Writer => ({
  id: `${name}, ${maxNewTokens} tokens, greedy`,
  promptOf: (row, view) =>
    view === "cot" ? (row.promptCot ?? row.prompt) : promptText(teacher.tokenizer, row, view),
  write: (prompt, signal) => teacher.generate(prompt, { maxNewTokens, ...(signal && { signal }) }),
});

/** @throws DataError when the teacher has nothing to say to any row; the signal's reason when aborted. */
export async function trainingRows(
  { data, teacher: name }: RunConfig,
  train: readonly Row[],
  teacher: Teacher,
  { teacherTexts = kept, signal }: TextSources,
  progress: Progress,
): Promise<readonly Row[]> {
  const rows = data.rows > 0 ? train.slice(0, data.rows) : train;
  if (data.outputs === "gold") return rows;
  const length = Math.min(data.maxLength - data.maxPrompt, teacher.config.maxPositions - data.maxPrompt);
  const written = await sequenceLevel(rows, data.view, writerOf(teacher, name, Math.max(1, length)), {
    ...{ cache: teacherTexts, signal },
    progress: (done, total) => progress("the teacher writes its answers", done, total),
  });
  if (written.rows.length === 0)
    throw new DataError(`the teacher's answers to ${rows.length} rows are all empty`);
  return written.rows;
}

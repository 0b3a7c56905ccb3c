// The training rows of a run: as they are, with the teacher's own answers (SeqKD), or with chains of thought that it
// writes for rows without one; written before the first step.
import type { RunConfig } from "../config/run";
import {
  augmentWithThought,
  DataError,
  memoryTexts,
  promptText,
  type Row,
  sequenceLevel,
  thoughtPrompt,
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

/** Rows as long as we know them before the teacher has written: a chain is taken to be as long as its answer. */
export const unwritten = ({ data }: RunConfig, rows: readonly Row[]): readonly Row[] =>
  data.outputs !== "chains"
    ? rows
    : rows.map((row) =>
        row.outputCot === undefined
          ? { ...row, promptCot: thoughtPrompt(row.prompt), outputCot: row.output }
          : row,
      );

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
  const writer = writerOf(teacher, name, Math.max(1, length));
  const options = (stage: string) => ({
    ...{ cache: teacherTexts, signal },
    progress: (done: number, total: number) => progress(stage, done, total),
  });
  if (data.outputs === "chains")
    return (await augmentWithThought(rows, writer, options("the teacher writes chains of thought"))).rows;
  const written = await sequenceLevel(rows, data.view, writer, options("the teacher writes its answers"));
  if (written.rows.length === 0)
    throw new DataError(`the teacher's answers to ${rows.length} rows are all empty`);
  return written.rows;
}

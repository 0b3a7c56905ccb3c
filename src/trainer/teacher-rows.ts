// The training rows of a run: as they are, with the teacher's own answers (SeqKD), or with chains of thought that it
// writes for rows without one; written before the first step.
import { type RunConfig, splitSeedOf } from "../config/run";
import {
  augmentWithThought,
  DataError,
  labelled,
  type LabelledRows,
  memoryTexts,
  promptIds,
  promptText,
  type Row,
  sequenceLevel,
  textIds,
  thoughtPrompt,
  type TextCache,
  type Writer,
  type WrittenRows,
} from "../data";
import type { Teacher } from "../models";
import type { Progress } from "./progress";

export interface TextSources {
  /** Where the teacher's texts are kept; by default until the process or the page ends. */
  readonly teacherTexts?: TextCache | undefined;
  /** Ends the writing, and with it the loading. */
  readonly signal?: AbortSignal | undefined;
}

const kept = memoryTexts();

/**
 * The training rows as the config takes them: as many as it says, with what data.labels does to them.
 *
 * @throws DataError where it cannot be done to these rows.
 */
export const labelledRows = (config: RunConfig, train: readonly Row[]): LabelledRows =>
  labelled(train, { labels: config.data.labels, limit: config.data.rows, seed: splitSeedOf(config) });

/**
 * A teacher as a writer of answers: greedy, so that a prompt has one. It reads prompts as training does, and writes up to
 * data.maxLength tokens of prompt and answer together, which is as much as a row can hold.
 */
export function writerOf(teacher: Teacher, { data, teacher: name }: RunConfig): Writer {
  const { maxLength, maxPrompt, specialTokens } = data;
  const { tokenizer, config } = teacher;
  const positions = Math.min(maxLength, config.maxPositions);
  const around = specialTokens === "none" ? ", no special tokens" : "";
  return {
    id: `${name}, ${maxPrompt} of ${maxLength} tokens, greedy, ends known${around}`,
    promptOf: (row, view) =>
      view === "cot" ? (row.promptCot ?? row.prompt) : promptText(tokenizer, row, view),
    async write(prompt, signal, asked) {
      const own = asked && asked.view === "plain";
      const ids = own
        ? promptIds(tokenizer, asked.row, "plain", positions)
        : textIds(tokenizer, prompt).slice(0, Math.min(maxPrompt, positions));
      const maxNewTokens = positions - ids.length;
      if (ids.length === 0 || maxNewTokens < 1) return { text: "", ended: false };
      return teacher.answer(ids, { maxNewTokens, ...(signal && { signal }) });
    },
  };
}

/** What became of the rows that the teacher wrote for, in words. */
export function writingText(
  { written, refused, cutOff, empty, wrong, unasked }: WrittenRows,
  maxLength: number,
): string {
  const reasons: [number, string][] = [
    [
      cutOff,
      `cut off before they ended (data.maxLength ${maxLength} is prompt and answer together; raise it)`,
    ],
    [empty, "empty"],
    [wrong, "with another answer than the row's"],
    [unasked, "for rows without a prompt on this view"],
  ];
  const said = reasons.filter(([count]) => count > 0).map(([count, why]) => `${count} of them ${why}`);
  return [`${written} written, ${refused} refused`, ...said].join(", ");
}

/**
 * Rows as long as we know them before the teacher has written: a chain is taken to be as long as its answer, and what the
 * teacher is to write in a label's place as long as the label.
 */
export const unwritten = ({ data }: RunConfig, { rows }: LabelledRows): readonly Row[] =>
  data.outputs !== "chains"
    ? rows
    : rows.map((row) =>
        row.outputCot === undefined
          ? { ...row, promptCot: thoughtPrompt(row.prompt), outputCot: row.output }
          : row,
      );

/**
 * @param rows of which the config has the teacher write some or all.
 * @param notes is told how many answers were of no use.
 * @throws DataError when the teacher has nothing to say to any row; the signal's reason when aborted.
 */
export async function trainingRows(
  config: RunConfig,
  { rows, toWrite }: LabelledRows,
  teacher: Teacher,
  { teacherTexts = kept, signal }: TextSources,
  progress: Progress,
  notes: string[] = [],
): Promise<readonly Row[]> {
  const { data } = config;
  const writer = writerOf(teacher, config);
  const options = (stage: string) => ({
    ...{ cache: teacherTexts, signal },
    progress: (done: number, total: number) => progress(stage, done, total),
  });
  const told = (what: string, written: WrittenRows): WrittenRows => {
    if (written.refused > 0) notes.push(`${what}: ${writingText(written, data.maxLength)}.`);
    return written;
  };
  if (data.outputs === "chains") {
    const stage = "the teacher writes chains of thought";
    return told("The teacher's chains of thought", await augmentWithThought(rows, writer, options(stage)))
      .rows;
  }
  const asked = data.outputs === "gold" ? rows.filter(({ id }) => toWrite.has(id)) : rows;
  const stage = "the teacher writes its answers";
  const written = told(
    "The teacher's answers",
    await sequenceLevel(asked, data.view, writer, options(stage)),
  );
  if (written.rows.length === 0)
    throw new DataError(
      `none of the teacher's answers to ${asked.length} rows can be learned: ${writingText(written, data.maxLength)}`,
    );
  const answered = new Map(written.rows.map((row) => [row.id, row]));
  const keepsOwn = ({ id }: Row): boolean => data.outputs === "gold" && !toWrite.has(id);
  return rows.flatMap((row) => (keepsOwn(row) ? [row] : (answered.get(row.id) ?? [])));
}

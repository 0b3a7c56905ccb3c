// Rows whose answers a teacher writes: sequence-level distillation (SeqKD, Kim & Rush 2016) replaces an output by the
// teacher's own; augmentation adds a chain of thought to a row that has none, and keeps it only if its answer is right.
import { messagesOf } from "./conversation";
import type { Row, View } from "./rows";
import { exactMatch, extractAnswer } from "./score";
import { thoughtPrompt } from "./thought-prompt";

/** Texts that were written before, by a key that names teacher, prompt and length. */
export interface TextCache {
  get(key: string): Promise<string | undefined>;
  set(key: string, text: string): Promise<void>;
}

/** What a teacher wrote; not `ended`: it was cut off at its limit, so that it is no answer. */
interface Writing {
  readonly text: string;
  readonly ended: boolean;
}

/** The row and the view that a prompt is of. */
interface Asked {
  readonly row: Row;
  readonly view: View;
}

export interface Writer {
  /** Names the teacher and its settings: a part of the cache's keys. */
  readonly id: string;
  /** How it is asked for a row's answer; by the row's own prompt where this is absent. */
  promptOf?(row: Row, view: View): string;
  /**
   * The teacher's answer to a prompt; text alone is one that ended by itself. `asked`: where the prompt is a row's own.
   * Rejects with the signal's reason when aborted.
   */
  write(prompt: string, signal?: AbortSignal, asked?: Asked): Promise<string | Writing>;
}

export interface WritingOptions {
  readonly cache?: TextCache | undefined;
  /** Called after each row. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenRows {
  readonly rows: readonly Row[];
  /** Rows that changed. */
  readonly written: number;
  /** Rows whose text was of no use: empty, with a wrong answer, or cut off. */
  readonly refused: number;
  /** Of those, how many were cut off at the limit of what a teacher writes. */
  readonly cutOff: number;
  /** Ended at once, or after nothing but space. */
  readonly empty: number;
  /** Ended with another answer than the row's. */
  readonly wrong: number;
  /** Rows that have no prompt on the view that was asked for. */
  readonly unasked: number;
}

/**
 * Every row with the teacher's answer on this view in place of its own; a row whose answer is empty, or was cut off before
 * it ended, is left out: a student would learn to stop in mid-sentence.
 */
export async function sequenceLevel(
  rows: readonly Row[],
  view: View,
  writer: Writer,
  options: WritingOptions = {},
): Promise<WrittenRows> {
  const texts = await writeAll(
    rows.map((row) => {
      const own = view === "cot" ? row.promptCot : row.prompt;
      const prompt = writer.promptOf ? writer.promptOf(row, view) : own;
      return prompt === undefined ? undefined : { prompt, asked: { row, view } };
    }),
    writer,
    options,
  );
  const out = rows.flatMap((row, i): Row[] => {
    const text = whole(texts[i]);
    if (!text) return [];
    return [view === "cot" ? { ...row, outputCot: text } : { ...row, output: text }];
  });
  return { rows: out, written: out.length, refused: rows.length - out.length, ...reasons(texts), wrong: 0 };
}

/** A text that ended, without the space around it. */
const whole = (writing: Writing | undefined): string | undefined =>
  writing?.ended ? writing.text.trim() : undefined;

const reasons = (
  texts: readonly (Writing | undefined)[],
): Pick<WrittenRows, "cutOff" | "empty" | "unasked"> => ({
  cutOff: texts.filter((writing) => writing?.ended === false).length,
  empty: texts.filter((writing) => whole(writing) === "").length,
  unasked: texts.filter((writing) => writing === undefined).length,
});

/** Every row, those without a chain of thought with one that the teacher wrote, where its answer is the row's. */
export async function augmentWithThought(
  rows: readonly Row[],
  writer: Writer,
  options: WritingOptions = {},
): Promise<WrittenRows> {
  const prompts = rows.map((row) => (row.outputCot === undefined ? thoughtPrompt(row.prompt) : undefined));
  const texts = await writeAll(
    prompts.map((prompt) => (prompt === undefined ? undefined : { prompt })),
    writer,
    options,
  );
  const out = rows.map((row, i): Row => {
    const [promptCot, text] = [prompts[i], whole(texts[i])];
    const right = text !== undefined && exactMatch(text, row.answer ?? extractAnswer(row.output));
    return promptCot && text && right ? { ...row, promptCot, outputCot: text } : row;
  });
  const written = out.filter((row, i) => row !== rows[i]).length;
  const asked = prompts.filter((prompt) => prompt !== undefined).length;
  const { cutOff, empty } = reasons(texts);
  const refused = asked - written;
  return { rows: out, written, refused, cutOff, empty, wrong: refused - cutOff - empty, unasked: 0 };
}

/** In front of a cached text that was cut off. */
const CUT_OFF = "\u0000cut off\u0000";

/** One text for each prompt, in order; prompts that are absent get none. */
async function writeAll(
  prompts: readonly ({ prompt: string; asked?: Asked } | undefined)[],
  { id, write }: Writer,
  { cache, progress, signal }: WritingOptions,
): Promise<(Writing | undefined)[]> {
  const texts: (Writing | undefined)[] = [];
  for (const [i, question] of prompts.entries()) {
    signal?.throwIfAborted();
    texts.push(question === undefined ? undefined : await cached(question));
    progress?.(i + 1, prompts.length);
  }
  return texts;

  async function cached({ prompt, asked }: { prompt: string; asked?: Asked }): Promise<Writing> {
    const key = JSON.stringify([id, prompt]);
    const known = await cache?.get(key);
    if (known !== undefined)
      return known.startsWith(CUT_OFF)
        ? { text: known.slice(CUT_OFF.length), ended: false }
        : { text: known, ended: true };
    const given = await write(prompt, signal, asked);
    const writing = typeof given === "string" ? { text: given, ended: true } : given;
    await cache?.set(key, writing.ended ? writing.text : `${CUT_OFF}${writing.text}`);
    return writing;
  }
}

/** A cache for as long as the process lives. */
export function memoryTexts(): TextCache {
  const texts = new Map<string, string>();
  return {
    get: async (key) => texts.get(key),
    set: async (key, text) => void texts.set(key, text),
  };
}

/** A row as a line of a data file, in the field names that `parseRows` reads. */
export const rowLine = ({ turns, tools, ...row }: Row): string => {
  const { id, family, prompt, output, promptCot, outputCot, answer } = row;
  return JSON.stringify({
    ...{ id, family, prompt, output },
    ...{ prompt_cot: promptCot, output_cot: outputCot, answer, messages: turns && messagesOf(turns), tools },
  });
};

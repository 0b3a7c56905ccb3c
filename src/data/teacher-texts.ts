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

export interface Writer {
  /** Names the teacher and its settings: a part of the cache's keys. */
  readonly id: string;
  /** How it is asked for a row's answer; by the row's own prompt where this is absent. */
  promptOf?(row: Row, view: View): string;
  /** The teacher's answer to a prompt. Rejects with the signal's reason when aborted. */
  write(prompt: string, signal?: AbortSignal): Promise<string>;
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
  /** Rows whose text was of no use: empty, or with a wrong answer. */
  readonly refused: number;
}

/** Every row with the teacher's answer on this view in place of its own; a row whose answer is empty is left out. */
export async function sequenceLevel(
  rows: readonly Row[],
  view: View,
  writer: Writer,
  options: WritingOptions = {},
): Promise<WrittenRows> {
  const texts = await writeAll(
    rows.map((row) =>
      writer.promptOf ? writer.promptOf(row, view) : view === "cot" ? row.promptCot : row.prompt,
    ),
    writer,
    options,
  );
  const out = rows.flatMap((row, i): Row[] => {
    const text = texts[i]?.trim();
    if (!text) return [];
    return [view === "cot" ? { ...row, outputCot: text } : { ...row, output: text }];
  });
  return { rows: out, written: out.length, refused: rows.length - out.length };
}

/** Every row, those without a chain of thought with one that the teacher wrote, where its answer is the row's. */
export async function augmentWithThought(
  rows: readonly Row[],
  writer: Writer,
  options: WritingOptions = {},
): Promise<WrittenRows> {
  const prompts = rows.map((row) => (row.outputCot === undefined ? thoughtPrompt(row.prompt) : undefined));
  const texts = await writeAll(prompts, writer, options);
  const out = rows.map((row, i): Row => {
    const [promptCot, text] = [prompts[i], texts[i]?.trim()];
    const right = text !== undefined && exactMatch(text, row.answer ?? extractAnswer(row.output));
    return promptCot && text && right ? { ...row, promptCot, outputCot: text } : row;
  });
  const written = out.filter((row, i) => row !== rows[i]).length;
  const asked = prompts.filter((prompt) => prompt !== undefined).length;
  return { rows: out, written, refused: asked - written };
}

/** One text for each prompt, in order; prompts that are absent get none. */
async function writeAll(
  prompts: readonly (string | undefined)[],
  { id, write }: Writer,
  { cache, progress, signal }: WritingOptions,
): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for (const [i, prompt] of prompts.entries()) {
    signal?.throwIfAborted();
    texts.push(prompt === undefined ? undefined : await cached(prompt));
    progress?.(i + 1, prompts.length);
  }
  return texts;

  async function cached(prompt: string): Promise<string> {
    const key = JSON.stringify([id, prompt]);
    const known = await cache?.get(key);
    if (known !== undefined) return known;
    const text = await write(prompt, signal);
    await cache?.set(key, text);
    return text;
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

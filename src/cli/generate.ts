// couplet generate CONFIG.json --kind seqkd|cot --out FILE.jsonl [--rows N] — data that the config's teacher writes.
// What it has written is kept beside the file as it goes, so that a command that was stopped goes on where it was.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { augmentWithThought, rowLine, sequenceLevel, type TextCache, type WrittenRows } from "../data";
import { openTeacher } from "../models";
import { asConfigured, writerOf, writingText } from "../trainer";
import { OK, STOPPED } from "./exit-codes";
import { checkWritable } from "./output-folder";
import { nodeSources, readConfig } from "./sources";
import { listenForSignals } from "./stop-signals";
import { type Arguments, BadUsage } from "./usage";
import { writeWhole } from "./whole-file";

export async function generateCommand({ positional, options }: Arguments): Promise<number> {
  const [file = ""] = positional;
  const [kind, out] = [options.get("kind"), options.get("out")];
  if (out === undefined) throw new BadUsage("--out FILE.jsonl is missing: the file of rows to write.");
  if (kind !== "seqkd" && kind !== "cot")
    throw new BadUsage(`--kind is seqkd or cot, got ${kind ?? "nothing"}.`);
  const count = Number(options.get("rows") ?? 0);
  if (!(Number.isInteger(count) && count >= 0))
    throw new BadUsage(`--rows is a whole number, 0 for all; got ${options.get("rows")}.`);

  if (existsSync(out) && !existsSync(`${out}.texts`))
    throw new BadUsage(`--out: "${out}" is there, and this command did not write it. Name another file.`);
  checkWritable(dirname(resolve(out)));

  const config = readConfig(file);
  const sources = await nodeSources(config);
  const rows = count > 0 ? sources.train.slice(0, count) : sources.train;
  const opened = await openTeacher(sources.teacher, { device: sources.device });
  const teacher = { ...opened, tokenizer: asConfigured(config, opened.tokenizer) };
  const stop = new AbortController();
  const signals = listenForSignals(
    () => undefined,
    "Stopping after the text under way. Once more to stop at once.",
  );
  signals.waitForSteps(() => stop.abort(new Stopped()));
  const { maxLength, view } = config.data;
  const writer = writerOf(teacher, config);
  const writing = { cache: fileTexts(`${out}.texts`), signal: stop.signal, progress: report };
  try {
    const written: WrittenRows =
      kind === "seqkd"
        ? await sequenceLevel(rows, view, writer, writing)
        : await augmentWithThought(rows, writer, writing);
    writeWhole(out, written.rows.map((row) => `${rowLine(row)}\n`).join(""));
    console.error(`${written.rows.length} rows in ${out}: ${writingText(written, maxLength)}`);
    return OK;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    console.error(`Stopped. The same command goes on where it was: its texts are in ${out}.texts.`);
    return STOPPED[signals.asked ?? "SIGINT"];
  } finally {
    signals.dispose();
    await teacher.dispose();
  }
}

class Stopped extends Error {
  override name = "Stopped";
}

function report(done: number, total: number): void {
  if (done % 50 === 0 || done === total) console.error(`row ${done} of ${total}`);
}

/** Texts by key in a file of JSON lines, [key, text] each; a last line that was cut off is written anew. */
export function fileTexts(file: string): TextCache {
  const texts = new Map<string, string>();
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  for (const line of lines) {
    const entry = entryOf(line);
    if (entry) texts.set(...entry);
  }
  writeFileSync(file, [...texts].map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  return {
    get: async (key) => texts.get(key),
    async set(key, text) {
      texts.set(key, text);
      appendFileSync(file, `${JSON.stringify([key, text])}\n`);
    },
  };
}

function entryOf(line: string): [string, string] | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!Array.isArray(value)) return undefined;
    const [key, text]: unknown[] = value;
    return typeof key === "string" && typeof text === "string" ? [key, text] : undefined;
  } catch {
    return undefined;
  }
}

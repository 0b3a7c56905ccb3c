// Rows from files, behind a protocol. It knows no worker: tests run it in Node over a store in memory.
import {
  checkEnough,
  importFile,
  type ImportedRows,
  type Mapping,
  parseRows,
  previewRows,
  type Row,
  rowLine,
  splitRows,
} from "../data";
import {
  loadTeacherConfig,
  loadTokenizer,
  type ModelFiles,
  type ModelStore,
  shortDigest,
  withoutSpecialTokens,
} from "../models";
import type { DataCommand, DataEvent, KeptRows, PreviewQuestion } from "./data-protocol";
import { toFailure } from "./failures";
import { ROWS_FILE } from "./own-sources";

export interface DataDependencies {
  readonly store: ModelStore;
  /** A model folder by the name that a config gives it. */
  folder(name: string, baseUrl: string): Promise<ModelFiles>;
  now(): number;
}

export interface DatasetImport {
  handle(command: DataCommand): Promise<void>;
}

const ABOUT_FILE = "about.json";
/** Enough for lengths; every row of a large file takes a minute or more. */
const SAMPLED = 1000;
const SHOWN = 6;
const KEEP_LINES = 2000;

export const createDatasetImport = (
  post: (event: DataEvent) => void,
  deps: DataDependencies,
): DatasetImport => new RowImport(post, deps);

/** Lives as long as its worker, and holds the rows of the file that was read last. */
class RowImport implements DatasetImport {
  readonly #post: (event: DataEvent) => void;
  readonly #deps: DataDependencies;
  #rows: readonly Row[] = [];
  #name = "";
  #reading: AbortController | undefined;
  #previewing: AbortController | undefined;
  #models: { names: string; loaded: Promise<LoadedModels> } | undefined;

  constructor(post: (event: DataEvent) => void, deps: DataDependencies) {
    this.#post = post;
    this.#deps = deps;
  }

  async #read({ file, name: called, mapping, kind, part }: Extract<DataCommand, { type: "read" }>) {
    this.#reading?.abort();
    this.#previewing?.abort();
    const mine = new AbortController();
    this.#reading = mine;
    const began = this.#deps.now();
    const seen = await importFile(file, called, {
      ...(mapping && { mapping }),
      ...(kind && { kind }),
      part,
      signal: mine.signal,
      onPeek: (peek) => this.#post({ type: "peeked", name: called, peek }),
      onProgress: (done, total, count) =>
        this.#post({ type: "progress", stage: "reading", done, total, rows: count }),
    });
    if (mine.signal.aborted) return;
    this.#rows = seen.rows;
    this.#name = called;
    this.#post({ type: "rows", facts: factsOf(called, seen, this.#deps.now() - began) });
  }

  async #reopen(key: string): Promise<void> {
    const began = this.#deps.now();
    const blob = await this.#deps.store.open(key, ROWS_FILE);
    this.#rows = parseRows((await blob?.text()) ?? "", key);
    this.#name = key.replace(/^own:|@.*$/g, "");
    const mapping: Mapping = { format: "couplet", prompt: "prompt", output: "output" };
    const none = { columns: [], problems: [], dropped: {}, notes: [] };
    const seen = { kind: "jsonl", mapping, rows: this.#rows, places: "line", ...none } as const;
    this.#post({ type: "rows", facts: factsOf(this.#name, seen, this.#deps.now() - began) });
  }

  async #preview(question: PreviewQuestion): Promise<void> {
    this.#previewing?.abort();
    const mine = new AbortController();
    this.#previewing = mine;
    const { teacher, student } = await this.#loadModels(question);
    const asked = question.all ? this.#rows : spread(this.#rows, SAMPLED);
    const reads = (tokenizer: LoadedModel["tokenizer"]) =>
      question.specialTokens === "none" ? withoutSpecialTokens(tokenizer) : tokenizer;
    const limits = (positions: number) => ({
      maxLength: Math.min(question.maxLength, positions + 1),
      maxPrompt: Math.min(question.maxPrompt, positions),
    });
    const seen = await previewRows(
      asked,
      question.view,
      reads(student.tokenizer),
      reads(teacher.tokenizer),
      { student: limits(student.maxPositions), teacher: limits(teacher.maxPositions) },
      {
        samples: SHOWN,
        positions: { student: student.maxPositions, teacher: teacher.maxPositions },
        signal: mine.signal,
        onProgress: (done) =>
          this.#post({ type: "progress", stage: "tokenizing", done, total: asked.length, rows: done }),
      },
    );
    const { train, heldOut } = splitRows(this.#rows, question.seed);
    if (mine.signal.aborted) return;
    this.#post({
      type: "preview",
      preview: seen,
      of: this.#rows.length,
      train: train.length,
      heldOut: heldOut.length,
    });
  }

  #loadModels({ teacher, student, baseUrl }: PreviewQuestion): Promise<LoadedModels> {
    const names = `${teacher} ${student}`;
    if (this.#models?.names !== names) {
      const load = async (model: string) => {
        const files = await this.#deps.folder(model, baseUrl);
        const { maxPositions } = await loadTeacherConfig(files);
        return { tokenizer: await loadTokenizer(files), maxPositions };
      };
      const loaded = Promise.all([load(teacher), load(student)]).then(([t, s]) => ({
        teacher: t,
        student: s,
      }));
      loaded.catch(() => (this.#models = undefined)); // the next question may try again
      this.#models = { names, loaded };
    }
    return this.#models.loaded;
  }

  async #keep(): Promise<void> {
    if (this.#rows.length === 0) throw new Error("No rows were read yet.");
    checkEnough(this.#rows, this.#name);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < this.#rows.length; at += KEEP_LINES) {
      const lines = this.#rows.slice(at, at + KEEP_LINES).map((row) => `${rowLine(row)}\n`);
      parts.push(new TextEncoder().encode(lines.join("")));
      this.#post({ type: "progress", stage: "keeping", done: at, total: this.#rows.length, rows: at });
    }
    const key = `own:${this.#name.replaceAll(/[^\w.-]+/g, "-")}@${await shortDigest(new Uint8Array(await new Blob(parts).arrayBuffer()))}`;
    const cot = this.#rows.filter(({ outputCot }) => outputCot !== undefined).length;
    await this.#write(key, ROWS_FILE, parts);
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    const about: KeptRows = {
      key,
      name: this.#name,
      rows: this.#rows.length,
      cot,
      bytes,
      savedAt: Date.now(),
    };
    await this.#write(key, ABOUT_FILE, [new TextEncoder().encode(JSON.stringify(about))]);
    this.#post({ type: "kept", key, cot: cot > 0 });
    await this.#list();
  }

  async #write(key: string, path: string, parts: readonly Uint8Array[]): Promise<void> {
    const writer = await this.#deps.store.append(key, path, 0);
    for (const part of parts) await writer.write(part);
    await writer.close(true);
  }

  /** A set is there once what is written last is there. */
  async #list(): Promise<void> {
    const sets: KeptRows[] = [];
    for (const { key } of await this.#deps.store.list()) {
      const about = await this.#deps.store.open(key, ABOUT_FILE);
      if (about) sets.push(JSON.parse(await about.text()) as KeptRows); // our own file
      else await this.#deps.store.delete(key);
    }
    this.#post({ type: "sets", sets: sets.toSorted((a, b) => b.savedAt - a.savedAt) });
  }

  async #do(command: DataCommand): Promise<void> {
    switch (command.type) {
      case "read":
        return this.#read(command);
      case "preview":
        return this.#preview(command.question);
      case "keep":
        return this.#keep();
      case "reopen":
        return this.#reopen(command.key);
      case "list":
        return this.#list();
      case "delete":
        await this.#deps.store.delete(command.key);
        return this.#list();
    }
    command satisfies never;
  }

  handle(command: DataCommand): Promise<void> {
    return this.#do(command).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") return; // another file, another question
      this.#post({ type: "failed", command: command.type, failure: toFailure(error) });
    });
  }
}

interface LoadedModels {
  readonly teacher: LoadedModel;
  readonly student: LoadedModel;
}
interface LoadedModel {
  readonly tokenizer: Awaited<ReturnType<typeof loadTokenizer>>;
  readonly maxPositions: number;
}

const factsOf = (name: string, seen: ImportedRows, ms: number) => {
  const { kind, mapping, rows, places, problems, dropped, notes, parts } = seen;
  const cot = rows.filter(({ outputCot }) => outputCot !== undefined).length;
  const facts = { name, kind, mapping, rows: rows.length, cot, places, problems, dropped, notes, ms };
  return { ...facts, ...(parts && { parts }) };
};

/** The first rows, which are shown, and others at equal distances. */
function spread(rows: readonly Row[], most: number): readonly Row[] {
  if (rows.length <= most) return rows;
  const rest = Array.from({ length: most - SHOWN }, (_, i) =>
    Math.floor(SHOWN + (i * (rows.length - SHOWN)) / (most - SHOWN)),
  );
  return [...rows.slice(0, SHOWN), ...rest.flatMap((at) => rows[at] ?? [])];
}

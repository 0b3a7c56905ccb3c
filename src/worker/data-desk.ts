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

export interface DataSurroundings {
  readonly store: ModelStore;
  /** A model folder by the name that a config gives it. */
  folder(name: string, baseUrl: string): Promise<ModelFiles>;
  now(): number;
}

export interface DataDesk {
  handle(command: DataCommand): Promise<void>;
}

const ABOUT_FILE = "about.json";
/** Enough for lengths; every row of a large file takes a minute or more. */
const SAMPLED = 1000;
const SHOWN = 6;
const KEEP_LINES = 2000;

export function createDataDesk(post: (event: DataEvent) => void, around: DataSurroundings): DataDesk {
  const { store } = around;
  let rows: readonly Row[] = [];
  let name = "";
  let reading: AbortController | undefined;
  let previewing: AbortController | undefined;
  let models: { names: string; loaded: Promise<LoadedModels> } | undefined;

  async function read({ file, name: called, mapping, kind, part }: Extract<DataCommand, { type: "read" }>) {
    reading?.abort();
    previewing?.abort();
    const mine = new AbortController();
    reading = mine;
    const began = around.now();
    const seen = await importFile(file, called, {
      ...(mapping && { mapping }),
      ...(kind && { kind }),
      part,
      signal: mine.signal,
      onPeek: (peek) => post({ type: "peeked", name: called, peek }),
      onProgress: (done, total, count) =>
        post({ type: "progress", stage: "reading", done, total, rows: count }),
    });
    if (mine.signal.aborted) return;
    rows = seen.rows;
    name = called;
    post({ type: "rows", facts: factsOf(called, seen, around.now() - began) });
  }

  async function reopen(key: string): Promise<void> {
    const began = around.now();
    const blob = await store.open(key, ROWS_FILE);
    rows = parseRows((await blob?.text()) ?? "", key);
    name = key.replace(/^own:|@.*$/g, "");
    const mapping: Mapping = { format: "couplet", prompt: "prompt", output: "output" };
    const none = { columns: [], problems: [], dropped: {}, notes: [] };
    const seen = { kind: "jsonl", mapping, rows, places: "line", ...none } as const;
    post({ type: "rows", facts: factsOf(name, seen, around.now() - began) });
  }

  async function preview(question: PreviewQuestion): Promise<void> {
    previewing?.abort();
    const mine = new AbortController();
    previewing = mine;
    const { teacher, student } = await loadModels(question);
    const asked = question.all ? rows : spread(rows, SAMPLED);
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
          post({ type: "progress", stage: "tokenizing", done, total: asked.length, rows: done }),
      },
    );
    const { train, heldOut } = splitRows(rows, question.seed);
    if (mine.signal.aborted) return;
    post({
      type: "preview",
      preview: seen,
      of: rows.length,
      train: train.length,
      heldOut: heldOut.length,
    });
  }

  function loadModels({ teacher, student, baseUrl }: PreviewQuestion): Promise<LoadedModels> {
    const names = `${teacher} ${student}`;
    if (models?.names !== names) {
      const load = async (model: string) => {
        const files = await around.folder(model, baseUrl);
        const { maxPositions } = await loadTeacherConfig(files);
        return { tokenizer: await loadTokenizer(files), maxPositions };
      };
      const loaded = Promise.all([load(teacher), load(student)]).then(([t, s]) => ({
        teacher: t,
        student: s,
      }));
      loaded.catch(() => (models = undefined)); // the next question may try again
      models = { names, loaded };
    }
    return models.loaded;
  }

  async function keep(): Promise<void> {
    if (rows.length === 0) throw new Error("No rows were read yet.");
    checkEnough(rows, name);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < rows.length; at += KEEP_LINES) {
      const lines = rows.slice(at, at + KEEP_LINES).map((row) => `${rowLine(row)}\n`);
      parts.push(new TextEncoder().encode(lines.join("")));
      post({ type: "progress", stage: "keeping", done: at, total: rows.length, rows: at });
    }
    const key = `own:${name.replaceAll(/[^\w.-]+/g, "-")}@${await shortDigest(new Uint8Array(await new Blob(parts).arrayBuffer()))}`;
    const cot = rows.filter(({ outputCot }) => outputCot !== undefined).length;
    await write(key, ROWS_FILE, parts);
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    const about: KeptRows = { key, name, rows: rows.length, cot, bytes, savedAt: Date.now() };
    await write(key, ABOUT_FILE, [new TextEncoder().encode(JSON.stringify(about))]);
    post({ type: "kept", key, cot: cot > 0 });
    await list();
  }

  async function write(key: string, path: string, parts: readonly Uint8Array[]): Promise<void> {
    const writer = await store.append(key, path, 0);
    for (const part of parts) await writer.write(part);
    await writer.close(true);
  }

  /** A set is there once what is written last is there. */
  async function list(): Promise<void> {
    const sets: KeptRows[] = [];
    for (const { key } of await store.list()) {
      const about = await store.open(key, ABOUT_FILE);
      if (about) sets.push(JSON.parse(await about.text()) as KeptRows); // our own file
      else await store.delete(key);
    }
    post({ type: "sets", sets: sets.toSorted((a, b) => b.savedAt - a.savedAt) });
  }

  async function run(command: DataCommand): Promise<void> {
    switch (command.type) {
      case "read":
        return read(command);
      case "preview":
        return preview(command.question);
      case "keep":
        return keep();
      case "reopen":
        return reopen(command.key);
      case "list":
        return list();
      case "delete":
        await store.delete(command.key);
        return list();
    }
    command satisfies never;
  }

  return {
    handle: (command) =>
      run(command).catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "AbortError") return; // another file, another question
        post({ type: "failed", command: command.type, failure: toFailure(error) });
      }),
  };
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

// Rows from any file in use: read, mapped, and told what dropped out and why. Of a large file the work is done in
// slices with breaks between them, so that whatever else runs in the worker goes on.

import { createRng, deriveSeed } from "../config/rng";
import { DataError } from "./errors";
import { guessMapping, type Mapping, toRow } from "./mapping";
import { createRecordReader, type DataKind, type DataRecord, kindOf } from "./records";
import type { Row } from "./rows";

export interface RowProblem {
  readonly line: number;
  readonly reason: string;
}

export interface ImportedRows {
  readonly kind: DataKind;
  readonly mapping: Mapping;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** The first of those that dropped out, and how many there are by reason. */
  readonly problems: readonly RowProblem[];
  readonly dropped: Readonly<Record<string, number>>;
}

export interface ImportOptions {
  /** Instead of the guess. */
  readonly mapping?: Mapping;
  readonly kind?: DataKind;
  readonly maxRows?: number;
}

const PROBLEMS_KEPT = 50;
const GUESS_FROM = 20;
const MAX_ROWS = 1_000_000;

export interface RowImporter {
  push(text: string): void;
  /** @throws DataError when nothing could be used. */
  end(): ImportedRows;
  readonly count: number;
}

/** `name` tells the kind by its ending, and is named in errors. */
export function createRowImporter(name: string, options: ImportOptions = {}): RowImporter {
  const { maxRows = MAX_ROWS } = options;
  const rows: Row[] = [];
  const ids = new Map<string, number>();
  const problems: RowProblem[] = [];
  const dropped: Record<string, number> = {};
  const columns = new Set<string>();
  const waiting: [DataRecord, number][] = [];
  let mapping = options.mapping;
  let kind = options.kind;

  const problem = (reason: string, line: number): void => {
    if (problems.length < PROBLEMS_KEPT) problems.push({ line, reason });
    const plain = reason.replaceAll(/\d+/g, "…"); // one reason, whatever the numbers in it
    dropped[plain] = (dropped[plain] ?? 0) + 1;
  };
  function take(record: DataRecord, line: number): void {
    if (rows.length >= maxRows) return problem(`only the first ${maxRows} rows are read`, line);
    try {
      const row = toRow(record, (mapping ??= guess()), line);
      const seen = ids.get(row.id) ?? 0;
      ids.set(row.id, seen + 1);
      rows.push(seen === 0 ? row : { ...row, id: `${row.id} (${seen + 1})` });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problem(error.message, line);
    }
  }
  const guess = (): Mapping =>
    guessMapping(
      [...columns],
      waiting.map(([record]) => record),
    );
  function settle(): void {
    if (waiting.length === 0) return;
    mapping ??= guess(); // once, and an error of its own
    for (const [record, line] of waiting.splice(0)) take(record, line);
  }
  const sink = {
    record(record: DataRecord, line: number): void {
      for (const column of Object.keys(record)) columns.add(column);
      if (mapping) return take(record, line);
      waiting.push([record, line]);
      if (waiting.length >= GUESS_FROM) settle();
    },
    problem,
  };
  let reader: ReturnType<typeof createRecordReader> | undefined;
  return {
    push(text) {
      if (text === "") return;
      kind ??= kindOf(name, text);
      reader ??= createRecordReader(kind, sink);
      reader.push(text);
    },
    end() {
      reader?.end();
      settle();
      if (rows.length === 0 || !mapping || !kind) {
        const [first] = problems;
        const why = first ? `; the first problem, in line ${first.line}: ${first.reason}` : "; it is empty";
        throw new DataError(`${name} holds no usable rows${why}`);
      }
      return { kind, mapping, columns: [...columns], rows, problems, dropped };
    },
    get count() {
      return rows.length;
    },
  };
}

export function importText(text: string, name: string, options: ImportOptions = {}): ImportedRows {
  const importer = createRowImporter(name, options);
  importer.push(text);
  return importer.end();
}

const SLICE_MS = 12;

/** The same for a file of any size. Aborts reject with the signal's reason. */
export async function importFile(
  file: Blob,
  name: string,
  options: ImportOptions & {
    signal?: AbortSignal;
    onProgress?: (loaded: number, total: number, rows: number) => void;
  } = {},
): Promise<ImportedRows> {
  const importer = createRowImporter(name, options);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = file.stream().getReader();
  let [loaded, since] = [0, performance.now()];
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new DataError(`${name} is not UTF-8 text near byte ${loaded}; save it as UTF-8`);
    }
  };
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    for (let at = 0; at < next.value.length; at += SLICE_BYTES) {
      options.signal?.throwIfAborted();
      importer.push(decode(next.value.subarray(at, at + SLICE_BYTES)));
      if (performance.now() - since < SLICE_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
    loaded += next.value.length;
    options.onProgress?.(loaded, file.size, importer.count);
  }
  importer.push(decode());
  return importer.end();
}

const SLICE_BYTES = 32 * 1024;

const HELD_OUT_SHARE = 0.1;

/** One row in ten is held out, by seed and by the prompt: rows that ask the same stay together. At least one each way. */
export function splitRows(
  rows: readonly Row[],
  seed: number,
  share = HELD_OUT_SHARE,
): { train: Row[]; heldOut: Row[] } {
  const held = (row: Row): boolean => createRng(deriveSeed(seed, `split ${row.prompt}`)).next() < share;
  const heldOut = rows.filter(held);
  const train = rows.filter((row) => !held(row));
  if (heldOut.length === 0 && train.length > 1) heldOut.push(...train.splice(-1));
  if (train.length === 0 && heldOut.length > 1) train.push(...heldOut.splice(-1));
  return { train, heldOut };
}

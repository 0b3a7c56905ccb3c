// The language of the data worker: files of rows in, what became of them and what two models make of them out. Large
// files stay in the worker; the page sees counts and a few rows.
import type { RunConfig } from "../config/run";
import type { DataFormat, DataKind, DataPreview, ImportedRows, Mapping, Peek, RowProblem } from "../data";
import type { Failure } from "./failure";

export type { DataFormat, DataKind, DataPreview, Mapping, Peek };

/** Rows that were read, short of the rows themselves. */
export interface DataFacts {
  readonly name: string;
  readonly kind: DataKind;
  readonly mapping: Mapping;
  readonly rows: number;
  /** Rows that have a chain of thought. */
  readonly cot: number;
  /** What problems are numbered by. */
  readonly places: ImportedRows["places"];
  /** The first of those that dropped out, and how many by reason. */
  readonly problems: readonly RowProblem[];
  readonly dropped: Readonly<Record<string, number>>;
  /** How the file was read, and what of it takes no part. */
  readonly notes: readonly string[];
  /** Of a file with several lists of rows, such as train and test. */
  readonly parts?: NonNullable<ImportedRows["parts"]>;
  readonly ms: number;
}

/** Rows that are kept in the browser: `own:NAME@HASH`, which is what a config names. */
export interface KeptRows {
  readonly key: string;
  readonly name: string;
  readonly rows: number;
  readonly cot: number;
  readonly bytes: number;
  readonly savedAt: number;
}

export interface PreviewQuestion {
  readonly teacher: string;
  readonly student: string;
  readonly view: RunConfig["data"]["view"];
  readonly maxLength: number;
  readonly maxPrompt: number;
  /** As each tokenizer puts them unless said. */
  readonly specialTokens?: RunConfig["data"]["specialTokens"] | undefined;
  /** Of the split. */
  readonly seed: number;
  /** Every row, or some spread over the file. */
  readonly all: boolean;
  readonly baseUrl: string;
}

export type DataCommand =
  /** Reads a file; an earlier reading stops. */
  | {
      type: "read";
      file: Blob;
      name: string;
      mapping?: Mapping;
      kind?: DataKind;
      /** Of a file with several lists of rows: the one to read, or "all". */
      part?: string | undefined;
    }
  /** The rows that were read last, as both models take them. */
  | { type: "preview"; question: PreviewQuestion }
  /** Keep the rows that were read last in the browser's private storage. */
  | { type: "keep" }
  /** Read kept rows again. */
  | { type: "reopen"; key: string }
  | { type: "list" }
  | { type: "delete"; key: string };

export type DataEvent =
  /** The columns, before the rows: also when no column could be given a meaning. */
  | { type: "peeked"; name: string; peek: Peek }
  | {
      type: "progress";
      stage: "reading" | "tokenizing" | "keeping";
      done: number;
      total: number;
      rows: number;
    }
  | { type: "rows"; facts: DataFacts }
  | { type: "preview"; preview: DataPreview; of: number; train: number; heldOut: number }
  | { type: "kept"; key: string; cot: boolean }
  | { type: "sets"; sets: readonly KeptRows[] }
  | { type: "failed"; command: DataCommand["type"]; failure: Failure };

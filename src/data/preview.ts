// What a data set is to a pair of models, before a run: lengths in both tokenizations, what will be cut, what drops
// out and why, and a few rows as either model reads them.

import type { Tokenizer } from "../models";
import { type DatasetLimits, prepareDataset } from "./dataset";
import { DataError } from "./errors";
import type { Row, View } from "./rows";

export interface Lengths {
  readonly mean: number;
  readonly median: number;
  /** 95 of 100 rows are no longer. */
  readonly p95: number;
  readonly longest: number;
}

export interface PreviewRow {
  readonly id: string;
  /** A side was cut to fit. */
  readonly truncated: boolean;
  readonly student: { readonly prompt: readonly string[]; readonly output: readonly string[] };
  readonly teacher: { readonly prompt: readonly string[]; readonly output: readonly string[] };
}

export interface DataPreview {
  readonly rows: number;
  readonly usable: number;
  readonly truncated: number;
  /** Reason, with the numbers in it left out, → rows. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Tokens of a row: prompt, output and eos. */
  readonly student: Lengths;
  readonly teacher: Lengths;
  readonly samples: readonly PreviewRow[];
}

const SLICE_ROWS = 200;

/** In slices with breaks between, so that 100,000 rows freeze nothing. */
export async function previewRows(
  rows: readonly Row[],
  view: View,
  student: Tokenizer,
  teacher: Tokenizer,
  limits: DatasetLimits,
  {
    samples = 5,
    signal,
    onProgress,
  }: { samples?: number; signal?: AbortSignal; onProgress?: (rows: number) => void } = {},
): Promise<DataPreview> {
  const lengths = { student: [] as number[], teacher: [] as number[] };
  const dropped: Record<string, number> = {};
  const shown: PreviewRow[] = [];
  let truncated = 0;
  for (let at = 0; at < rows.length; at += SLICE_ROWS) {
    signal?.throwIfAborted();
    const slice = prepareSlice(rows.slice(at, at + SLICE_ROWS), view, student, teacher, limits);
    truncated += slice.truncated;
    for (const { row, reason } of slice.dropped) {
      const plain = reason.replace(`row ${row.id}`, "a row").replaceAll(/\d+/g, "…");
      dropped[plain] = (dropped[plain] ?? 0) + 1;
    }
    for (const prepared of slice.usable) {
      lengths.student.push(prepared.student.ids.length);
      lengths.teacher.push(prepared.teacher.ids.length);
      if (shown.length < samples) {
        const side = (tokenizer: Tokenizer, { ids, promptLength }: typeof prepared.student) => {
          const texts = Array.from(ids, (id) => tokenizer.tokenText(id));
          return { prompt: texts.slice(0, promptLength), output: texts.slice(promptLength) };
        };
        shown.push({
          id: prepared.row.id,
          truncated: prepared.student.truncated || prepared.teacher.truncated,
          student: side(student, prepared.student),
          teacher: side(teacher, prepared.teacher),
        });
      }
    }
    onProgress?.(Math.min(rows.length, at + SLICE_ROWS));
    await new Promise((resolve) => setTimeout(resolve));
  }
  return {
    rows: rows.length,
    usable: lengths.student.length,
    truncated,
    dropped,
    student: summary(lengths.student),
    teacher: summary(lengths.teacher),
    samples: shown,
  };
}

/** prepareDataset refuses a set of which nothing is left; a slice of one may be so. */
function prepareSlice(...args: Parameters<typeof prepareDataset>): ReturnType<typeof prepareDataset> {
  try {
    return prepareDataset(...args);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const [rows] = args;
    return rows.length === 1
      ? { usable: [], dropped: rows.map((row) => ({ row, reason: innermost(error.message) })), truncated: 0 }
      : rows
          .map((row) => prepareSlice([row], args[1], args[2], args[3], args[4]))
          .reduce((all, one) => ({
            usable: [...all.usable, ...one.usable],
            dropped: [...all.dropped, ...one.dropped],
            truncated: all.truncated + one.truncated,
          }));
  }
}

const innermost = (message: string): string =>
  message.replace(/^none of 1 rows can be used; the first: /, "");

function summary(values: readonly number[]): Lengths {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { mean, median: at(0.5), p95: at(0.95), longest: sorted.at(-1) ?? 0 };
}

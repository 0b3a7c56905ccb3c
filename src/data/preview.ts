// What a data set is to a pair of models, before a run: lengths in both tokenizations, what will be cut, what drops
// out and why, and a few rows as either model reads them.

import type { Tokenizer } from "../models";
import { countReasons, type DatasetLimits, type DroppedRow, prepareEach } from "./dataset";
import { lengthLines, type MeasuredRow, type Positions, reportLengths } from "./row-lengths";
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
  /** In words: how many rows are longer than the limits, and which limits would keep 95 of 100 whole. */
  readonly limitLines: readonly string[];
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
    positions = { student: Infinity, teacher: Infinity },
    signal,
    onProgress,
  }: {
    samples?: number;
    /** Of the models, beyond which no limit can be raised. */
    positions?: Positions;
    signal?: AbortSignal;
    onProgress?: (rows: number) => void;
  } = {},
): Promise<DataPreview> {
  const lengths = { student: [] as number[], teacher: [] as number[] };
  const dropped: DroppedRow[] = [];
  const shown: PreviewRow[] = [];
  const measured: MeasuredRow[] = [];
  let truncated = 0;
  for (let at = 0; at < rows.length; at += SLICE_ROWS) {
    signal?.throwIfAborted();
    const slice = prepareEach(rows.slice(at, at + SLICE_ROWS), view, student, teacher, limits);
    truncated += slice.truncated;
    measured.push(...slice.lengths);
    dropped.push(...slice.dropped);
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
    dropped: countReasons(dropped),
    student: summary(lengths.student),
    teacher: summary(lengths.teacher),
    limitLines: lengthLines(reportLengths(measured, positions)),
    samples: shown,
  };
}

function summary(values: readonly number[]): Lengths {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { mean, median: at(0.5), p95: at(0.95), longest: sorted.at(-1) ?? 0 };
}

// What a data set is to a pair of models, before a run: lengths in both tokenizations, what will be cut, what drops
// out and why, and a few rows as either model reads them.

import type { Tokenizer } from "../models";
import type { TokenTables } from "./batch";
import { alignBytes, type Alignment } from "./alignment";
import { textBytes } from "./text-bytes";
import { addCoverage, type Coverage, leastShare, shareOf } from "./coverage";
import { countReasons, type DatasetLimits, type DroppedRow, type PreparedRow, prepareEach } from "./dataset";
import type { Sequence } from "./encode";
import { lengthLines, type MeasuredRow, type Positions, reportLengths } from "./row-lengths";
import type { Row, View } from "./rows";
import { tokenTables } from "./token-table";

interface Lengths {
  readonly mean: number;
  readonly median: number;
  /** 95 of 100 rows are no longer. */
  readonly p95: number;
  readonly longest: number;
}

interface PreviewSide {
  readonly prompt: readonly string[];
  readonly output: readonly string[];
  /** Tokens of the output that stand for text and are in no chunk of text that both sides have. */
  readonly apart: readonly number[];
  /** Share of the output's tokens that are in such chunks. */
  readonly aligned: number;
}

interface PreviewRow {
  readonly id: string;
  /** A side was truncated. */
  readonly truncated: boolean;
  readonly student: PreviewSide;
  readonly teacher: PreviewSide;
}

/** How much of the outputs chunks of the same text cover. */
interface PreviewCoverage {
  /** Shares of all output tokens that stand for text. */
  readonly student: number;
  readonly teacher: number;
  /** Rows without a single chunk. */
  readonly empty: number;
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
  readonly coverage: PreviewCoverage;
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
  const covered: Coverage[] = [];
  const tables = tokenTables(student, teacher);
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
      const pairing = pairingOf(prepared, tables);
      covered.push(pairing.coverage);
      if (shown.length < samples) shown.push(shownRow(prepared, pairing, { student, teacher }));
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
    limitLines: lengthLines(reportLengths(measured, positions, limits)),
    coverage: coverageOfRows(covered),
    samples: shown,
  };
}

function pairingOf({ student: s, teacher: t }: PreparedRow, tables: TokenTables): Alignment {
  const student = textBytes([...s.ids.subarray(s.promptLength)], tables.student);
  const teacher = textBytes([...t.ids.subarray(t.promptLength)], tables.teacher);
  return alignBytes(student, teacher);
}

function shownRow(
  { row, student, teacher }: PreparedRow,
  pairing: Alignment,
  tokenizers: { readonly student: Tokenizer; readonly teacher: Tokenizer },
): PreviewRow {
  const side = (which: "student" | "teacher", { ids, promptLength }: Sequence): PreviewSide => {
    const texts = Array.from(ids, (id) => tokenizers[which].tokenText(id));
    const apart = pairing.apart[which];
    const aligned = shareOf(pairing.coverage[which]);
    return { prompt: texts.slice(0, promptLength), output: texts.slice(promptLength), apart, aligned };
  };
  return {
    id: row.id,
    truncated: student.truncated || teacher.truncated,
    student: side("student", student),
    teacher: side("teacher", teacher),
  };
}

function coverageOfRows(rows: readonly Coverage[]): PreviewCoverage {
  const { student, teacher } = addCoverage(rows);
  const empty = rows.filter((row) => leastShare(row) === 0).length;
  return { student: shareOf(student), teacher: shareOf(teacher), empty };
}

function summary(values: readonly number[]): Lengths {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { mean, median: at(0.5), p95: at(0.95), longest: sorted.at(-1) ?? 0 };
}

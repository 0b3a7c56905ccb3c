// A data set ready for training: each row tokenized for student and teacher, what cannot be used set aside with a reason.

import { ModelError, type Tokenizer } from "../models";
import { bucketLength, makeSideBatch, type PairBatch, type SideBatch } from "./batch";
import { encodeRow, type LengthLimits, type Sequence } from "./encode";
import { DataError } from "./errors";
import type { Row, View } from "./rows";

export interface PreparedRow {
  /** Position in the rows given: pairs up two views of one data set. */
  readonly index: number;
  readonly row: Row;
  readonly student: Sequence;
  readonly teacher: Sequence;
  /** The row's plain view beside its chain of thought, when both were asked for. */
  readonly plain?: { readonly student: Sequence; readonly teacher: Sequence };
}

export interface DroppedRow {
  readonly row: Row;
  readonly reason: string;
}

export interface PreparedDataset {
  readonly usable: PreparedRow[];
  readonly dropped: DroppedRow[];
  /** Usable rows of which one side was cut to fit. */
  readonly truncated: number;
}

/** Of each side; a model's maxPositions bounds its maxLength. */
export interface DatasetLimits {
  readonly student: LengthLimits;
  readonly teacher: LengthLimits;
}

export interface DatasetOptions {
  /**
   * Pair a chain of thought with its row's plain view (METHODS §7). A row that has no chain of thought then takes part
   * with its plain view alone, without a pair.
   */
  readonly pairs?: boolean;
  /** With pairs: a row with a chain of thought also gives its plain view as a row of its own, without a pair. */
  readonly plainToo?: boolean;
}

export function prepareDataset(
  rows: readonly Row[],
  view: View,
  studentTok: Tokenizer,
  teacherTok: Tokenizer,
  limits: DatasetLimits,
  { pairs = false, plainToo = false }: DatasetOptions = {},
): PreparedDataset {
  const usable: PreparedRow[] = [];
  const dropped: DroppedRow[] = [];
  const sides = (row: Row, of: View) => {
    const side = (tok: Tokenizer, { maxLength, maxPrompt }: LengthLimits): Sequence =>
      encodeRow(tok, row, of, maxLength, maxPrompt);
    return { student: side(studentTok, limits.student), teacher: side(teacherTok, limits.teacher) };
  };
  for (const [index, row] of rows.entries()) {
    try {
      const thinks = view === "cot" && row.outputCot !== undefined;
      const main = sides(row, pairs && !thinks ? "plain" : view);
      const plain = pairs && thinks ? sides(row, "plain") : undefined;
      if (plain && plainToo) usable.push({ index, row, ...plain });
      usable.push({ index, row, ...main, ...(plain && { plain }) });
    } catch (error) {
      // A text that a model has no embeddings for is the row's fault, not the model's.
      if (error instanceof ModelError) dropped.push({ row, reason: `row ${row.id}: ${error.message}` });
      else if (error instanceof DataError) dropped.push({ row, reason: error.message });
      else throw error;
    }
  }
  if (usable.length === 0) {
    const first = dropped[0] ? `; the first: ${dropped[0].reason}` : "";
    throw new DataError(`none of ${rows.length} rows can be used${first}`);
  }
  const truncated = usable.filter(({ student, teacher }) => student.truncated || teacher.truncated).length;
  return { usable, dropped, truncated };
}

export interface PairOptions {
  /** Lengths are rounded up to multiples of this. */
  readonly bucket?: number;
  /** Also batch the plain views; a row without one has no response rows there. */
  readonly plain?: boolean;
}

/** Rows of a prepared data set as one batch, each side padded to its own bucket. */
export function makePairBatch(
  rows: readonly PreparedRow[],
  padIds: { readonly student: number; readonly teacher: number },
  { bucket = 16, plain = false }: PairOptions = {},
): PairBatch {
  const side = (
    which: "student" | "teacher",
    of: (row: PreparedRow) => { readonly student: Sequence; readonly teacher: Sequence } | undefined,
  ): SideBatch => {
    const seqs = rows.map((row) => of(row)?.[which]);
    const longest = Math.max(...seqs.map((seq) => (seq ? seq.ids.length - 1 : 0)));
    return makeSideBatch(seqs, padIds[which], bucketLength(longest, bucket));
  };
  const view = (of: Parameters<typeof side>[1]) => ({
    student: side("student", of),
    teacher: side("teacher", of),
  });
  return {
    ...view((row) => row),
    ...(plain && { plain: view((row) => row.plain) }),
    rowIndices: rows.map(({ index }) => index),
  };
}

// A data set ready for training: each row tokenized for student and teacher, what cannot be used set aside with a reason.

import type { Tokenizer } from "../models";
import { bucketLength, makeSideBatch, type PairBatch } from "./batch";
import { encodeRow, type LengthLimits, type Sequence } from "./encode";
import { DataError } from "./errors";
import type { Row, View } from "./rows";

export interface PreparedRow {
  /** Position in the rows given: pairs up two views of one data set. */
  readonly index: number;
  readonly row: Row;
  readonly student: Sequence;
  readonly teacher: Sequence;
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

export function prepareDataset(
  rows: readonly Row[],
  view: View,
  studentTok: Tokenizer,
  teacherTok: Tokenizer,
  limits: DatasetLimits,
): PreparedDataset {
  const usable: PreparedRow[] = [];
  const dropped: DroppedRow[] = [];
  for (const [index, row] of rows.entries()) {
    try {
      const side = (tok: Tokenizer, { maxLength, maxPrompt }: LengthLimits): Sequence =>
        encodeRow(tok, row, view, maxLength, maxPrompt);
      usable.push({
        index,
        row,
        student: side(studentTok, limits.student),
        teacher: side(teacherTok, limits.teacher),
      });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      dropped.push({ row, reason: error.message });
    }
  }
  if (usable.length === 0) {
    const first = dropped[0] ? `; the first: ${dropped[0].reason}` : "";
    throw new DataError(`none of ${rows.length} rows can be used${first}`);
  }
  const truncated = usable.filter(({ student, teacher }) => student.truncated || teacher.truncated).length;
  return { usable, dropped, truncated };
}

/** Rows of a prepared data set as one batch, each side padded to its own bucket. */
export function makePairBatch(
  rows: readonly PreparedRow[],
  padIds: { readonly student: number; readonly teacher: number },
  bucket = 16,
): PairBatch {
  const side = (which: "student" | "teacher"): PairBatch["student"] => {
    const seqs = rows.map((row) => row[which]);
    const longest = Math.max(...seqs.map(({ ids }) => ids.length - 1));
    return makeSideBatch(seqs, padIds[which], bucketLength(longest, bucket));
  };
  return { student: side("student"), teacher: side("teacher"), rowIndices: rows.map(({ index }) => index) };
}

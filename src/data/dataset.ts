// A data set ready for training: each row tokenized for student and teacher, what cannot be used set aside with a reason.

import { ModelError, type Tokenizer } from "../models";
import { bucketLength, type Group, makeSideBatch, type PairBatch, type SideBatch } from "./batch";
import {
  encodeRow,
  type LengthLimits,
  type Sequence,
  TooLong,
  type WholeLengths,
  wholeLengths,
} from "./encode";
import { DataError } from "./errors";
import { longestOf, type MeasuredRow, measured } from "./row-lengths";
import type { Row, View } from "./rows";

export interface PreparedRow {
  /** Position in the rows given: pairs up two views of one data set. */
  readonly index: number;
  readonly row: Row;
  readonly student: Sequence;
  readonly teacher: Sequence;
  /** The row's plain view beside its chain of thought, when both were asked for. */
  readonly plain?: { readonly student: Sequence; readonly teacher: Sequence };
  /** Chunks of equal text of both responses, where they are known beforehand: see `ViewBatch.groups`. */
  readonly groups?: readonly Group[];
}

export interface DroppedRow {
  readonly row: Row;
  readonly reason: string;
}

export interface PreparedDataset {
  readonly usable: PreparedRow[];
  readonly dropped: DroppedRow[];
  /** Usable rows of which one side was truncated. */
  readonly truncated: number;
  /** Of every row that could be read, those that are too long included, one a row. */
  readonly lengths: readonly MeasuredRow[];
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
  /** As in `EncodeOptions`. */
  readonly front?: boolean;
}

/** @throws DataError when no row can be used. */
export function prepareDataset(...args: Parameters<typeof prepareEach>): PreparedDataset {
  const prepared = prepareEach(...args);
  if (prepared.usable.length > 0) return prepared;
  const [first] = prepared.dropped;
  const { length } = args[0];
  if (!first) throw new DataError("there are no rows to read");
  throw new DataError(
    `none of ${length} ${length === 1 ? "row" : "rows"} can be used; the first: ${first.reason}`,
  );
}

/** Reasons with row names and numbers left out → rows. */
export function countReasons(dropped: readonly DroppedRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { row, reason } of dropped) {
    const plain = reason.replace(`row ${row.id}`, "a row").replaceAll(/\d+/g, "…");
    counts[plain] = (counts[plain] ?? 0) + 1;
  }
  return counts;
}

/** Each row by itself: a set of which nothing is left is none the worse. */
export function prepareEach(
  rows: readonly Row[],
  view: View,
  studentTok: Tokenizer,
  teacherTok: Tokenizer,
  limits: DatasetLimits,
  { pairs = false, plainToo = false, front = false }: DatasetOptions = {},
): PreparedDataset {
  const usable: PreparedRow[] = [];
  const dropped: DroppedRow[] = [];
  const lengths: MeasuredRow[] = [];
  const sides = (row: Row, of: View) => {
    const side = (tok: Tokenizer, { maxLength, maxPrompt }: LengthLimits): Sequence =>
      encodeRow(tok, row, of, maxLength, maxPrompt, { front });
    return { student: side(studentTok, limits.student), teacher: side(teacherTok, limits.teacher) };
  };
  for (const [index, row] of rows.entries()) {
    const thinks = view === "cot" && row.outputCot !== undefined;
    const own = pairs && !thinks ? "plain" : view;
    const paired = pairs && thinks;
    try {
      const main = sides(row, own);
      const plain = paired ? sides(row, "plain") : undefined;
      lengths.push(measured(plain ? [main, plain] : [main]));
      if (plain && plainToo) usable.push({ index, row, ...plain });
      usable.push({ index, row, ...main, ...(plain && { plain }) });
    } catch (error) {
      if (error instanceof TooLong) {
        const whole = (tok: Tokenizer): WholeLengths =>
          longestOf((paired ? [own, "plain" as const] : [own]).map((of) => wholeLengths(tok, row, of)));
        lengths.push({
          lengths: { student: whole(studentTok), teacher: whole(teacherTok) },
          fate: "too long",
        });
      }
      // A text that a model has no embeddings for is the row's fault, not the model's.
      if (error instanceof ModelError) dropped.push({ row, reason: `row ${row.id}: ${error.message}` });
      else if (error instanceof DataError) dropped.push({ row, reason: error.message });
      else throw error;
    }
  }
  const truncated = usable.filter(({ student, teacher }) => student.truncated || teacher.truncated).length;
  return { usable, dropped, truncated, lengths };
}

export interface PairOptions {
  /** Lengths are rounded up to multiples of this. */
  readonly bucket?: number;
  /** Also batch the plain views; a row without one has no response rows there. */
  readonly plain?: boolean;
  /** Positions of the models: no batch is padded beyond them. */
  readonly positions?: { readonly student?: number | undefined; readonly teacher?: number | undefined };
}

/** Rows of a prepared data set as one batch, each side padded to its own bucket. */
export function makePairBatch(
  rows: readonly PreparedRow[],
  padIds: { readonly student: number; readonly teacher: number },
  { bucket = 16, plain = false, positions = {} }: PairOptions = {},
): PairBatch {
  const side = (
    which: "student" | "teacher",
    of: (row: PreparedRow) => { readonly student: Sequence; readonly teacher: Sequence } | undefined,
  ): SideBatch => {
    const seqs = rows.map((row) => of(row)?.[which]);
    const longest = Math.max(...seqs.map((seq) => (seq ? seq.ids.length - 1 : 0)));
    return makeSideBatch(seqs, padIds[which], bucketLength(longest, bucket, positions[which]));
  };
  const view = (of: Parameters<typeof side>[1]) => ({
    student: side("student", of),
    teacher: side("teacher", of),
  });
  return {
    ...view((row) => row),
    ...(plain && { plain: view((row) => row.plain) }),
    ...(rows.some(({ groups }) => groups) && { groups: rows.map(({ groups = [] }) => groups) }),
    rowIndices: rows.map(({ index }) => index),
  };
}

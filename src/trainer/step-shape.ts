// Shape buckets: how a batch's sizes are rounded up to the sizes a program is recorded for.
import { bucketLength, type PairBatch } from "../data";
import type { Dims, StepShape } from "../objectives";

const LENGTH_STEP = 32;
const ROW_STEP = 128;

/**
 * The bucket of a batch. A pure function of the batch's shape: a replayed run meets the same programs, whatever
 * was built before it.
 */
export function stepShape(batch: PairBatch, batchSize: number, dims: Dims): StepShape {
  return {
    ...dims,
    batch: batchSize,
    studentLength: bucketLength(batch.student.T, LENGTH_STEP),
    teacherLength: bucketLength(batch.teacher.T, LENGTH_STEP),
    studentRows: bucketLength(batch.student.rows.length, ROW_STEP),
    teacherRows: bucketLength(batch.teacher.rows.length, ROW_STEP),
  };
}

export const shapeKey = (s: StepShape): string =>
  [s.batch, s.studentLength, s.teacherLength, s.studentRows, s.teacherRows].join("×");

// Shape buckets: how a batch's sizes are rounded up to the sizes a program is recorded for.
import { bucketLength, type PairBatch, type ViewBatch } from "../data";
import type { Dims, StepShape, ViewShape } from "../objectives";

export const LENGTH_STEP = 32;
export const ROW_STEP = 128;

/**
 * The bucket of a batch. A pure function of the batch's shape: a replayed run meets the same programs, whatever
 * was built before it. No length exceeds its model's positions.
 */
export function stepShape(batch: PairBatch, batchSize: number, dims: Dims): StepShape {
  return {
    ...dims,
    batch: batchSize,
    ...viewShape(batch, dims),
    ...(batch.plain && { plain: viewShape(batch.plain, dims) }),
  };
}

const viewShape = ({ student, teacher }: ViewBatch, dims: Dims): ViewShape => ({
  studentLength: bucketLength(student.T, LENGTH_STEP, dims.studentPositions),
  teacherLength: bucketLength(teacher.T, LENGTH_STEP, dims.teacherPositions),
  studentRows: bucketLength(student.rows.length, ROW_STEP),
  teacherRows: bucketLength(teacher.rows.length, ROW_STEP),
});

const viewKey = (s: ViewShape): string =>
  [s.studentLength, s.teacherLength, s.studentRows, s.teacherRows].join("×");

export const shapeKey = (s: StepShape): string =>
  [s.batch, viewKey(s), ...(s.plain ? [viewKey(s.plain)] : [])].join("×");

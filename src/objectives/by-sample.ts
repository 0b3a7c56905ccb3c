// Numbers of rows and chunks that were read back, by the sample that they are of.
import type { PairBatch, SideBatch } from "../data";
import type { SampleCredit } from "../telemetry";
import type { RowChunk } from "./align/chunks";

/** (B): sums over each sample's response rows. */
export function rowsBySample({ B, rowOffsets }: SideBatch, values: ArrayLike<number>): number[] {
  return Array.from({ length: B }, (_, sample) => {
    let sum = 0;
    for (let r = rowOffsets[sample] ?? 0; r < (rowOffsets[sample + 1] ?? 0); r++) sum += values[r] ?? NaN;
    return sum;
  });
}

/** (B): sums over each sample's chunks, each with a factor. */
export function chunksBySample(
  { student }: PairBatch,
  chunks: readonly RowChunk[],
  values: ArrayLike<number>,
  factor: (g: number) => number = () => 1,
): number[] {
  const sums = new Array<number>(student.B).fill(0);
  chunks.forEach(({ sample }, g) => (sums[sample] = (sums[sample] ?? 0) + factor(g) * (values[g] ?? NaN)));
  return sums;
}

interface RowCredit {
  /** Of the student's response rows. */
  readonly advantages: Float32Array;
  readonly student: Float32Array;
  /** Of the teacher's; absent where none is asked. */
  readonly teacher?: Float32Array | undefined;
}

export function creditBySample(
  { advantages, student, teacher }: RowCredit,
  batch: PairBatch,
  chunks: readonly RowChunk[],
): SampleCredit[] {
  const cut = (values: Float32Array, { rowOffsets }: SideBatch, b: number) =>
    values.slice(rowOffsets[b] ?? 0, rowOffsets[b + 1] ?? 0);
  return Array.from({ length: batch.student.B }, (_, b): SampleCredit => {
    const [s, t] = [batch.student.rowOffsets[b] ?? 0, batch.teacher.rowOffsets[b] ?? 0];
    return {
      advantages: cut(advantages, batch.student, b),
      student: cut(student, batch.student, b),
      teacher: teacher ? cut(teacher, batch.teacher, b) : [],
      groups: chunks
        .filter(({ sample }) => sample === b)
        .map(({ student: of, teacher: by }) => [of[0] - s, of[1] - s, by[0] - t, by[1] - t]),
    };
  });
}

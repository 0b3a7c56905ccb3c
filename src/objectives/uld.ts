// Universal Logit Distillation, METHODS §3: no alignment of vocabularies but by rank, none of texts but by position.
//
//   ULD = Σ_b Σ_{k < min(n_s, n_t)} ‖ sortdesc(softmax s_{R_s[k]}) − sortdesc(softmax q_{R_t[k]}) ‖₁
import type { MethodOf } from "../config/run";
import { type PairBatch, sharedPositions } from "../data";
import { NO_ROW } from "../student";
import { coverageOfPositions } from "./align/coverage";
import { recordTokenTerm } from "./distillation";
import { recordSortedL1 } from "./ops/sorted-l1";
import type { Distillation } from "./types";

export const uld: Distillation<Omit<MethodOf<"uld">, "kdRate">> = {
  id: "uld",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: () => ({
    coverage: coverageOfPositions,
    reads: "tokens whose place in the response the other side has too",
    remedy:
      "Methods that align texts (GOLD, ALM, DSKD-CMA, CoT2Align) do not pair the k-th token with the k-th.",
  }),
  recordTerm(_settings, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const { b } = tape;
    const capacity = Math.min(shape.studentRows, shape.teacherRows);
    return recordTokenTerm(
      recording,
      "uld",
      weight,
      (scale) =>
        recordSortedL1(tape, {
          student: student.logits(),
          teacher: teacher.logits(),
          teacherVocab: shape.teacherVocab,
          studentRows: b.input("uld_student_rows", capacity),
          teacherRows: b.input("uld_teacher_rows", capacity),
          pairs: b.input("uld_pairs", 2 * capacity),
          weight: b.input("uld_weight", capacity),
          scale,
        }).totals,
      (batch) => {
        const [s, t] = pairedRows(batch, capacity);
        return {
          uld_student_rows: s,
          uld_teacher_rows: t,
          uld_pairs: Uint32Array.from({ length: 2 * capacity }, (_, i) => (i % 2 ? t : s)[i >> 1] ?? NO_ROW),
          uld_weight: Float32Array.from(s, (row) => (row === NO_ROW ? 0 : 1)),
        };
      },
    );
  },
};

/** The k-th response row of a sample on either side, as far as both go. */
export function pairedRows(
  { student, teacher }: PairBatch,
  capacity: number,
): readonly [Uint32Array, Uint32Array] {
  const rows = [new Uint32Array(capacity).fill(NO_ROW), new Uint32Array(capacity).fill(NO_ROW)] as const;
  let at = 0;
  for (let b = 0; b < student.B; b++) {
    const [s = 0, sEnd = 0] = student.rowOffsets.subarray(b, b + 2);
    const [t = 0, tEnd = 0] = teacher.rowOffsets.subarray(b, b + 2);
    for (let k = 0; k < sharedPositions(sEnd - s, tEnd - t); k++, at++) {
      rows[0][at] = s + k;
      rows[1][at] = t + k;
    }
  }
  return rows;
}

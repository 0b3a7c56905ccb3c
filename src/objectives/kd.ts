// Vanilla distillation between models that share a vocabulary, METHODS §2:
//
//   KD = Σ_{p∈R} D(softmax(s_p / T), softmax(q_p / T)),   D one of seven divergences; no factor T²
import type { MethodOf } from "../config/run";
import { recordTokenTerm, rowMask } from "./distillation";
import { recordDivergence } from "./ops/divergence";
import type { Distillation } from "./types";

export const kd: Distillation<Omit<MethodOf<"kd">, "kdRate">> = {
  id: "kd",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  recordTerm({ divergence, temperature, skew, adaptiveAlpha }, recording, weight) {
    const { tape, shape, student, shared } = recording;
    const rowWeight = tape.b.input("kd_rows", shape.studentRows);
    const settings = { divergence, temperature, skew, adaptiveAlpha };
    return recordTokenTerm(
      recording,
      "kd",
      weight,
      (scale) => {
        const sides = { student: student.logits(), teacher: shared.teacherLogits() };
        return recordDivergence(tape, { ...settings, ...sides, rowWeight, scale }).totals;
      },
      (batch) => ({ kd_rows: rowMask(batch.student.labels.length, shape.studentRows) }),
    );
  },
};

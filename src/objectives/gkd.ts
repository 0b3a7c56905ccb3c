// Generalized knowledge distillation between models that share a vocabulary, METHODS §10.1:
//
//   GKD = Σ_{p∈R} JSD_β(softmax(s_p / T), softmax(q_p / T)),   no factor T²
import type { MethodOf } from "../config/run";
import { rowsBySample } from "./by-sample";
import { recordSumTerm, rowMask } from "./distillation";
import { recordDivergence } from "./ops/divergence";
import type { Distillation } from "./types";

export const gkd: Distillation<Omit<MethodOf<"gkd">, "kdRate">> = {
  id: "gkd",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  recordTerm({ beta, temperature }, recording, weight) {
    const { tape, shape, student, shared } = recording;
    const rowWeight = tape.b.input("gkd_rows", shape.studentRows);
    return recordSumTerm(
      recording,
      "gkd",
      weight,
      (scale) => {
        const { rowLoss, totals } = recordDivergence(tape, {
          ...{ divergence: "generalized_js", skew: beta, temperature },
          ...{ student: student.logits(), teacher: shared.teacherLogits(), rowWeight, scale },
        });
        return {
          parts: { gkd: totals },
          detail: {
            outputs: { gkd_loss: rowLoss },
            read: ({ gkd_loss = new Float32Array() }, batch) => ({
              samples: rowsBySample(batch.student, gkd_loss),
            }),
          },
        };
      },
      (batch) => ({ gkd_rows: rowMask(batch.student.labels.length, shape.studentRows) }),
    );
  },
};

// The control of on-policy distillation, METHODS §10.6: the same loss with an advantage that no teacher gave.
//
//   loss = −Σ_i sg(A_i)·log p_i[x_i],   A_i = −penalty where p_i[x_i] < unlikely, else 0
import type { MethodOf } from "../config/run";
import { NO_ROW } from "../student";
import { recordSumTerm, rowMask } from "./distillation";
import { creditDetail } from "./opd";
import { recordChunkCredit } from "./ops/chunk-credit";
import { recordWeightedTotal } from "./ops/divergence";
import { labelLogProb } from "./ops/log-softmax";
import type { Distillation } from "./types";

export const fixedAdvantage: Distillation<Omit<MethodOf<"fixed_advantage">, "kdRate">> = {
  id: "fixed_advantage",
  needs: () => [],
  parameters: () => [],
  recordTerm({ penalty, unlikely }, recording, weight) {
    const { tape, shape, student } = recording;
    const { b } = tape;
    const { studentRows } = shape;
    const logProbs = labelLogProb(tape, student.logits(), student.labels());
    const rows = b.input("fixed_rows", studentRows);
    const chunkOf = b.input("fixed_counted", studentRows); // no chunks: 0 for a row that counts
    const chunks = b.input("fixed_no_chunks", 4);
    return recordSumTerm(
      recording,
      "fixed",
      weight,
      (scale) => {
        const { advantages, loss } = recordChunkCredit(tape, {
          ...{ student: logProbs, chunkOf, chunks, scale, rule: "unlikely", clamp: null, maxChunk: null },
          ...{ threshold: Math.max(Math.log(unlikely), LEAST), penalty },
        });
        const detail = creditDetail("fixed", { advantages, loss, student: logProbs.value });
        return { parts: { fixed_advantage: recordWeightedTotal(b, rows, loss) }, detail };
      },
      (batch) => {
        const counted = rowMask(batch.student.labels.length, studentRows);
        return {
          ...{ fixed_rows: counted, fixed_no_chunks: new Uint32Array(4) },
          fixed_counted: Uint32Array.from(counted, (one) => (one === 1 ? 0 : NO_ROW)),
        };
      },
    );
  },
};

/** log 0 as a float that compares. */
const LEAST = -1e30;

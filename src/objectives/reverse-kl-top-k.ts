// Reverse KL on the teacher's K likeliest tokens of each row, for models that share a vocabulary, METHODS §10.7. S their ids:
//
//   truncated     Σ_S p (log p − log q): its gradient also has ∇Σ_S p, which pushes the student's mass out of S
//   repaired      the same value; the gradient is that of Σ_S sg(p (log p − log q))·log p: what S has of the full reverse KL's
//   renormalized  p and q both rescaled to S
import type { MethodOf } from "../config/run";
import type { Tensor } from "../gpu/program";
import type { Tape, Var } from "../student";
import { rowsBySample } from "./by-sample";
import { recordSumTerm, rowMask } from "./distillation";
import { recordMixtureDivergence } from "./ops/chunk-losses";
import { recordDivergence } from "./ops/divergence";
import { logSoftmax } from "./ops/log-softmax";
import { pickEntries } from "./ops/pick-entries";
import { rowColumns } from "./ops/row-columns";
import { recordSortRows } from "./ops/sort-rows";
import type { Distillation, Recording } from "./types";

type Settings = Omit<MethodOf<"reverse_kl_top_k">, "kdRate">;

export const reverseKlTopK: Distillation<Settings> = {
  id: "reverse_kl_top_k",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  recordTerm(settings, recording, weight) {
    const { tape, shape } = recording;
    const rows = tape.b.input("top_k_rows", shape.studentRows);
    const ids = tape.b.input("top_k_row_ids", shape.studentRows);
    const sides = sameWidth(recording, ids);
    return recordSumTerm(
      recording,
      "top_k",
      weight,
      (scale) => {
        const { loss, totals } = recordRows(settings, tape, sides, { rows: ids, weight: rows, scale });
        return {
          parts: { reverse_kl_top_k: totals },
          detail: {
            outputs: { top_k_loss: loss },
            read: ({ top_k_loss = new Float32Array() }, batch) => ({
              samples: rowsBySample(batch.student, top_k_loss),
            }),
          },
        };
      },
      (batch) => ({
        top_k_rows: rowMask(batch.student.labels.length, shape.studentRows),
        top_k_row_ids: upTo(shape.studentRows),
        top_k_columns: upTo(sides.vocab),
      }),
    );
  },
};

const upTo = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

function recordRows(
  { topK, form, temperature }: Settings,
  tape: Tape,
  { student, teacher, vocab }: Sides,
  { rows, weight, scale }: { readonly rows: Tensor; readonly weight: Tensor; readonly scale: Tensor },
): { readonly loss: Tensor; readonly totals: Tensor } {
  const { order } = recordSortRows(tape.b, { values: teacher.value, vocab, rows, withOrder: true });
  if (!order) throw new Error("the sort kept no order, though it was asked to");
  const likeliest = (x: Var): Var => rowColumns(tape, x, order, Math.min(topK, vocab));
  if (form === "renormalized") {
    const sides = { student: likeliest(student), teacher: likeliest(teacher).value };
    const reverse = { divergence: "generalized_js", skew: 1, temperature } as const;
    const { rowLoss, totals } = recordDivergence(tape, { ...reverse, ...sides, rowWeight: weight, scale });
    return { loss: rowLoss, totals };
  }
  const logProbs = (x: Var): Var => likeliest(logSoftmax(tape, x, temperature));
  return recordMixtureDivergence(tape, {
    ...{ student: logProbs(student), teacher: logProbs(teacher).value, weight, scale },
    ...{ beta: 1, least: NO_LEAST, held: form === "repaired" },
  });
}

interface Sides {
  readonly student: Var;
  readonly teacher: Var;
  readonly vocab: number;
}

/** Both models' logits at the student's rows; with heads of unequal height both are cut to the smaller, as KD's are. */
function sameWidth({ tape, shape, student, shared }: Recording, rows: Tensor): Sides {
  const logits = shared.teacherLogits();
  const teacherVocab = logits.length / shape.studentRows;
  const vocab = Math.min(shape.studentVocab, teacherVocab);
  const cols = tape.b.input("top_k_columns", vocab);
  const cut = (x: Var): Var => (x.shape[1] === vocab ? x : pickEntries(tape, x, { rows, cols }));
  const teacher = tape.constant(logits, [shape.studentRows, teacherVocab]);
  return { student: cut(student.logits()), teacher: cut(teacher), vocab };
}

/** Below every log-probability. */
const NO_LEAST = -1e30;

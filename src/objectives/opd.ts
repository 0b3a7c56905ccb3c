// On-policy distillation by sampled tokens, METHODS §10.6: a policy gradient whose advantage of each token is the teacher's
// word on it, across tokenizers by chunks of equal text.
//
//   OPD = −Σ_i sg(A_i)·log p_i[x_i],   A as in src/telemetry/credit.ts
//
// Text in no chunk, and in chunks that are too long, has A = 0. The loss's value says little: Σ A is what the teacher thinks.
import type { MethodOf } from "../config/run";
import { batchGroups, chunkFours, type RowChunk, sideTables } from "./align/chunks";
import { coverageOfChunks, isSingle } from "./align/coverage";
import { creditBySample, rowsBySample } from "./by-sample";
import { recordSumTerm, rowMask, type TermDetail } from "./distillation";
import { recordChunkCredit } from "./ops/chunk-credit";
import { recordWeightedTotal } from "./ops/divergence";
import { labelLogProb } from "./ops/log-softmax";
import type { Distillation } from "./types";
import type { Tensor } from "../gpu/program";

type Settings = Omit<MethodOf<"opd">, "kdRate">;

export const opd: Distillation<Settings> = {
  id: "opd",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: (settings) => ({
    coverage: (view, tokens) => coverageOfChunks(view, tokens, hasSignal(settings)),
    reads:
      settings.credit === "exact_boundaries"
        ? "tokens that both sides cut alike"
        : "tokens in chunks of text that both sides have",
    remedy:
      "The others' advantage is 0. Longer chunks may take part (method.maxChunk), or another rule (method.credit); a nearer pair of tokenizers has more in common.",
  }),
  recordTerm({ credit, clamp, maxChunk }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const { b } = tape;
    const { studentRows, teacherRows, teacherVocab } = shape;
    const count = Math.min(studentRows, teacherRows);
    const ofStudent = labelLogProb(tape, student.logits(), student.labels());
    const logits = tape.constant(teacher.logits(), [teacherRows, teacherVocab]);
    const ofTeacher = labelLogProb(tape, logits, teacher.labels()).value;
    const rows = b.input("opd_rows", studentRows);
    const chunkOf = b.input("opd_chunk_of", studentRows);
    const chunks = b.input("opd_chunks", 4 * count);
    return recordSumTerm(
      recording,
      "opd",
      weight,
      (scale) => {
        const { advantages, loss } = recordChunkCredit(tape, {
          ...{ student: ofStudent, teacher: ofTeacher, chunkOf, chunks, scale },
          ...{ rule: credit, clamp, maxChunk },
        });
        const detail = creditDetail("opd", {
          advantages,
          loss,
          student: ofStudent.value,
          teacher: ofTeacher,
        });
        return { parts: { opd: recordWeightedTotal(b, rows, loss) }, detail };
      },
      (batch) => {
        const groups = batchGroups(batch, batch.tokens);
        const tables = sideTables(groups, "student", { count, rows: studentRows, withoutLast: false });
        return {
          opd_rows: rowMask(batch.student.labels.length, studentRows),
          opd_chunk_of: tables.chunkOf,
          opd_chunks: chunkFours(groups, count),
        };
      },
    );
  },
};

/** Whether a chunk's tokens have an advantage under these settings. */
const hasSignal =
  ({ credit, maxChunk }: Settings) =>
  (chunk: RowChunk): boolean => {
    const [s, t] = [chunk.student, chunk.teacher];
    if (credit === "exact_boundaries") return isSingle(chunk);
    return Math.max(s[1] - s[0], t[1] - t[0]) <= (maxChunk ?? Infinity);
  };

interface CreditTensors {
  readonly advantages: Tensor;
  readonly loss: Tensor;
  readonly student: Tensor;
  readonly teacher?: Tensor;
}

/** Each sample's credit and part of the loss, read back. */
export function creditDetail(name: string, { teacher, ...rest }: CreditTensors): TermDetail {
  const tensors = { ...rest, ...(teacher && { teacher }) };
  return {
    outputs: Object.fromEntries(Object.entries(tensors).map(([part, t]) => [`${name}_${part}`, t])),
    read(outputs, batch) {
      const of = (part: keyof CreditTensors) => outputs[`${name}_${part}`] ?? new Float32Array();
      const values = {
        ...{ advantages: of("advantages"), student: of("student") },
        teacher: teacher && of("teacher"),
      };
      return {
        credit: creditBySample(values, batch, teacher ? batchGroups(batch, batch.tokens) : []),
        samples: rowsBySample(batch.student, of("loss")),
      };
    },
  };
}

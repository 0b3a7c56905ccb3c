// Approximate likelihood matching, METHODS §9: both models should find each chunk of text equally likely.
//
//   l(c) = Σ_{i∈c} log p_i[x_i],   ALM = 1/B Σ_b 1/G_b Σ_c H(exp(l_T/τ), exp(l_S/τ)),   H the binary cross entropy
//
// It reads the probabilities of the text's own tokens alone. The debiasing by the probability that a word ends at the
// chunk's end is left out.
import type { MethodOf } from "../config/run";
import type { Tensor } from "../gpu/program";
import type { Var } from "../student";
import { batchChunks, chunkWeights, sideTables } from "./align/chunks";
import { recordSumTerm } from "./distillation";
import { recordLikelihoodMatch } from "./ops/chunk-losses";
import { chunkSum } from "./ops/chunk-sum";
import { labelLogProb } from "./ops/log-softmax";
import { batchSamples, type Distillation } from "./types";

export const alm: Distillation<Omit<MethodOf<"alm">, "kdRate">> = {
  id: "alm",
  title: "ALM: likelihoods of chunks",
  paper: "arXiv 2503.20083",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  recordTerm({ temperature }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const { b } = tape;
    const { studentRows, teacherRows, teacherVocab } = shape;
    const count = Math.min(studentRows, teacherRows);
    const likelihood = (side: string, logits: Var, labels: Tensor): Var => {
      const chunks = b.input(`alm_${side}_chunks`, 2 * count);
      const chunkOf = b.input(`alm_${side}_chunk_of`, labels.length);
      return chunkSum(tape, labelLogProb(tape, logits, labels), { chunks, chunkOf });
    };
    const weights = b.input("alm_weight", count);
    return recordSumTerm(
      recording,
      "alm",
      weight,
      (scale) => ({
        alm: recordLikelihoodMatch(tape, {
          student: likelihood("student", student.logits(), student.labels()),
          teacher: likelihood(
            "teacher",
            tape.constant(teacher.logits(), [teacherRows, teacherVocab]),
            teacher.labels(),
          ).value,
          weight: weights,
          scale,
          temperature,
        }),
      }),
      (batch) => {
        const chunks = batchChunks(batch, batch.tokens);
        const tables = (side: "student" | "teacher", rows: number) =>
          sideTables(chunks, side, { count, rows, withoutLast: false });
        const [s, t] = [tables("student", studentRows), tables("teacher", teacherRows)];
        return {
          alm_student_chunks: s.chunks,
          alm_student_chunk_of: s.chunkOf,
          alm_teacher_chunks: t.chunks,
          alm_teacher_chunk_of: t.chunkOf, // not read: the teacher takes no gradient
          alm_weight: chunkWeights(chunks, count),
        };
      },
      batchSamples,
    );
  },
};

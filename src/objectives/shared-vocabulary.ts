// A divergence over the tokens that both vocabularies have, where both models predict the same token after the
// same text, METHODS §9 (KDFlow's simple cross-tokenizer distillation):
//
//   KD = Σ_{p: a chunk of one token on either side} D(softmax(s_p[C] / T), softmax(q_p[C] / T))
import type { MethodOf } from "../config/run";
import { matchedTokens } from "../data";
import { NO_ROW } from "../student";
import { batchChunks } from "./align/chunks";
import { coverageOfChunks, isSingle } from "./align/coverage";
import { columns } from "./align/matched-tokens";
import { recordSumTerm } from "./distillation";
import { recordDivergence } from "./ops/divergence";
import { pickEntries } from "./ops/pick-entries";
import type { Distillation } from "./types";

export const sharedVocabulary: Distillation<Omit<MethodOf<"shared_vocabulary">, "kdRate">> = {
  id: "shared_vocabulary",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: () => ({
    coverage: (view, tokens) => coverageOfChunks(view, tokens, isSingle),
    reads: "tokens that both sides cut alike",
    remedy:
      "GOLD and ALM also read text that the two sides cut differently; a nearer pair of tokenizers has more in common.",
  }),
  recordTerm({ divergence, temperature, skew, adaptiveAlpha, tokenMatch }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const { b } = tape;
    const { studentRows, teacherRows, studentVocab, teacherVocab } = shape;
    const count = Math.min(studentRows, teacherRows);
    const width = Math.min(studentVocab, teacherVocab);
    const rowWeight = b.input("shared_weight", count);
    const index = (side: string) => ({
      rows: b.input(`shared_${side}_rows`, count),
      cols: b.input(`shared_${side}_cols`, width),
    });
    return recordSumTerm(
      recording,
      "shared",
      weight,
      (scale) => {
        const t = tape.constant(teacher.logits(), [teacherRows, teacherVocab]);
        const settings = { divergence, temperature, skew, adaptiveAlpha };
        const { totals } = recordDivergence(tape, {
          ...settings,
          student: pickEntries(tape, student.logits(), index("student")),
          teacher: pickEntries(tape, t, index("teacher")).value,
          rowWeight,
          scale,
        });
        return { parts: { shared_vocabulary: totals } };
      },
      (batch) => {
        const single = batchChunks(batch, batch.tokens).filter(isSingle);
        const matched = batch.tokens ? matchedTokens(batch.tokens, tokenMatch) : { student: [], teacher: [] };
        const rows = (side: "student" | "teacher") =>
          Uint32Array.from({ length: count }, (_, g) => single[g]?.[side][0] ?? NO_ROW);
        return {
          shared_weight: Float32Array.from({ length: count }, (_, g) => (g < single.length ? 1 : 0)),
          shared_student_rows: rows("student"),
          shared_teacher_rows: rows("teacher"),
          shared_student_cols: columns(matched.student, width),
          shared_teacher_cols: columns(matched.teacher, width),
        };
      },
    );
  },
};

// MinED, METHODS §4: the teacher's logits moved into the student's vocabulary by edit distance, at positions that
// warping aligns one to one; the label where it does not.
//
//   KD = Σ_{p∈R_s} FKL(softmax(s_p / T), softmax(z_p / T)),   z by shaders/loss/mined_target.wgsl
import type { MethodOf } from "../config/run";
import { alignMined, minedCoverage, prepareVocabularyMap } from "./align/mined";
import { recordTokenTerm, rowMask } from "./distillation";
import { recordDivergence } from "./ops/divergence";
import { recordMinedTarget } from "./ops/mined-target";
import type { Distillation } from "./types";

export const mined: Distillation<Omit<MethodOf<"mined">, "kdRate">> = {
  id: "mined",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: ({ tokenMatch }) => ({
    coverage: (view, tokens) => minedCoverage(view, tokens, tokenMatch),
    reads: "tokens that warping pairs one to one with the token that the vocabulary map gives",
    remedy:
      "The others learn the label alone. GOLD and ALM read whole chunks; DSKD-CMA and CoT2Align need no such pairs.",
  }),
  prepare: async ({ tokenMatch }, tokens, { progress, signal, vocabularyMaps: store }) => {
    const onProgress = (done: number, total: number) => progress?.("matching vocabularies", done, total);
    await prepareVocabularyMap(tokens, tokenMatch, { onProgress, signal, store });
  },
  recordTerm({ temperature, tokenMatch }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const { b } = tape;
    const { studentRows, studentVocab, teacherVocab } = shape;
    const source = b.input("mined_source", studentRows);
    const inverse = b.input("mined_inverse", studentVocab);
    const rowWeight = b.input("mined_rows", studentRows);
    return recordTokenTerm(
      recording,
      "mined",
      weight,
      (scale) => {
        const labels = student.labels();
        const target = recordMinedTarget(b, {
          source,
          labels,
          inverse,
          teacher: teacher.logits(),
          teacherVocab,
        });
        const sides = { student: student.logits(), teacher: target };
        const settings = { divergence: "forward_kl", temperature } as const;
        return recordDivergence(tape, { ...settings, ...sides, rowWeight, scale }).totals;
      },
      (batch) => {
        const aligned = alignMined(batch, batch.tokens, tokenMatch, studentVocab);
        const rows = aligned.source.length;
        const padded = new Uint32Array(studentRows).fill(0xffffffff);
        padded.set(aligned.source);
        return {
          mined_source: padded,
          mined_inverse: aligned.inverse,
          mined_rows: rowMask(rows, studentRows),
        };
      },
    );
  },
};

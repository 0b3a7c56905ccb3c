// DSKD with cross-model attention, METHODS §6: DSKD for two tokenizers. Attention between the two sides' tokens says
// which teacher states make up a student position, and the other way round.
//
//   S = [sg E_s(in); sg E_s(label)]   U = [E_t(in); E_t(label)]
//   Q = query(S)   K = U/std(U)   V_t = t2s(H/std(H) + E_t(label)/std(E_t(label)))   V_s = s2t(h)
//   A = Q·Kᵀ/√(2 d_t) within the response   z = (softmax_rows(A)·V_t)·sg(W_s)ᵀ   y = (softmax_rows(Aᵀ)·V_s)·W_tᵀ
//   KD = CE(z, label) + Σ_{R_s, argmax z = label} D(s, sg(z)) + Σ_{R_t} FKL(y, q; T)
//
// Each std is one unbiased number over the whole [B, L, ·] tensor, prompts and padding included, where tokens outside
// the response are token 0: the value depends on what else is in the batch, as published.
import type { MethodOf } from "../config/run";
import { addMoments, deviation, type Moments, type PairBatch } from "../data";
import { embedRows, joinColumns, linear } from "../student";
import { recordDualSpace } from "./dskd";
import { blockRanges, blockSoftmax, mixConstants, product } from "./ops/block-attention";
import { project, projectorParameters } from "./projector";
import type { Distillation } from "./types";

export const cma: Distillation<Omit<MethodOf<"cma">, "kdRate">> = {
  id: "cma",
  needs: () => ["teacher.hidden", "teacher.logits", "teacher.head", "teacher.tokenEmbedding"],
  parameters: (_settings, { teacherWidth, studentWidth }, seed) => [
    ...projectorParameters("t2s", teacherWidth, studentWidth, seed),
    ...projectorParameters("s2t", studentWidth, teacherWidth, seed),
    ...projectorParameters("query", 2 * studentWidth, 2 * teacherWidth, seed),
  ],
  preservesLogits: ({ projectorInit }) => projectorInit === "pseudo_inverse",
  recordTerm(settings, recording, weight) {
    const { tape, shape, params, student, teacher } = recording;
    const { b } = tape;
    const { studentRows, teacherRows, teacherVocab, teacherWidth } = shape;
    const table = tape.constant(teacher.tokenEmbedding(), [teacherVocab, teacherWidth]);
    const own = tape.detached(student.tokenEmbedding());
    const seen = [student.ids(), student.labels()].map((tokens) => embedRows(tape, own, tokens));
    const queries = project(tape, params, "query", joinColumns(tape, seen));
    const labels = embedRows(tape, table, teacher.labels());
    const keys = joinColumns(tape, [embedRows(tape, table, teacher.ids()), labels]);

    const scale = b.input("cma_scale", 4, "uniform");
    const toTeacherRows = b.input("cma_student_ranges", 2 * studentRows);
    const toStudentRows = b.input("cma_teacher_ranges", 2 * teacherRows);
    const normalized = mixConstants(tape, teacher.hidden(), labels.value, b.input("cma_mix", 4, "uniform"));
    const states = project(tape, params, "t2s", tape.constant(normalized, [teacherRows, teacherWidth]));
    const alpha = blockSoftmax(tape, linear(tape, queries, keys), toTeacherRows, scale);
    const beta = blockSoftmax(tape, linear(tape, keys, queries), toStudentRows, scale);
    return recordDualSpace(recording, weight, {
      settings,
      inStudentSpace: product(tape, alpha, states),
      inTeacherSpace: product(tape, beta, project(tape, params, "s2t", student.hidden())),
      agreementOnly: true,
      inputs(batch) {
        const stds = deviations(batch);
        return {
          cma_scale: Float32Array.of(1 / (Math.sqrt(2 * teacherWidth) * stds.keys), 0, 0, 0),
          cma_mix: Float32Array.of(1 / stds.hidden, 1 / stds.labels, 0, 0),
          cma_student_ranges: blockRanges(batch.student, batch.teacher, studentRows),
          cma_teacher_ranges: blockRanges(batch.teacher, batch.student, teacherRows),
        };
      },
    });
  },
};

/** The three deviations of METHODS §6, from sums in float64. */
function deviations({ teacher, teacherMoments }: PairBatch) {
  if (!teacherMoments) throw new Error("DSKD-CMA needs the teacher's moments in its batch");
  const { hidden, token, positions } = teacherMoments;
  const { rows, ids, labels } = teacher;
  const outside = token(0);
  const rest = positions - labels.length;
  const padding: Moments = {
    count: rest * outside.count,
    sum: rest * outside.sum,
    squares: rest * outside.squares,
  };
  const ofLabels = addMoments([...Array.from(labels, (id) => token(id)), padding]);
  const ofInputs = addMoments([...Array.from(rows, (row) => token(ids[row] ?? 0)), padding]);
  return {
    hidden: deviation(hidden),
    labels: deviation(ofLabels),
    keys: deviation(addMoments([ofLabels, ofInputs])),
  };
}

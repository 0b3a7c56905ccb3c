// DSKD between models that share a tokenizer, METHODS §5: each model's states pass through a projector into the
// other's space, and are read there by the other's head.
//
//   z = t2s(H)·sg(W_s)ᵀ    CE_t2s = CE(z, label)          trains t2s
//                          KD_t2s = Σ_{R_s} D(s, sg(z))   trains the student
//   y = s2t(h)·W_tᵀ        KD_s2t = Σ_{R_t} FKL(y, q; T)  trains the student and s2t
import type { MethodOf } from "../config/run";
import type { PairBatch } from "../data";
import { crossEntropy, linear, type Var } from "../student";
import { recordTokenTerm, rowMask } from "./distillation";
import { recordDivergence } from "./ops/divergence";
import { project, projectorParameters } from "./projector";
import { type Distillation, joinTerms, type RecordedTerm, type Recording } from "./types";

type Settings = Omit<MethodOf<"dskd">, "kdRate">;

export const dskd: Distillation<Settings> = {
  id: "dskd",
  needs: () => ["teacher.hidden", "teacher.logits", "teacher.head"],
  parameters: (_settings, { teacherWidth, studentWidth }, seed) => [
    ...projectorParameters("t2s", teacherWidth, studentWidth, seed),
    ...projectorParameters("s2t", studentWidth, teacherWidth, seed),
  ],
  preservesLogits: ({ projectorInit }) => projectorInit === "pseudo_inverse",
  recordTerm({ divergence, temperature, skew, adaptiveAlpha }, recording, weight) {
    const { tape, shape, params, shared } = recording;
    const states = tape.constant(shared.teacherHidden(), [shape.studentRows, shape.teacherWidth]);
    return recordDualSpace(recording, weight, {
      settings: { divergence, temperature, skew, adaptiveAlpha },
      inStudentSpace: project(tape, params, "t2s", states),
      inTeacherSpace: project(tape, params, "s2t", shared.studentHidden()),
      agreementOnly: false,
      inputs: () => ({}),
    });
  },
};

export interface DualSpace {
  readonly settings: Omit<Settings, "id" | "projectorInit"> & { readonly teacherTemperature?: number };
  /** Teacher states in the student's space, [studentRows, D]; student states in the teacher's, [teacherRows, Dt]. */
  readonly inStudentSpace: Var;
  readonly inTeacherSpace: Var;
  /** KD_t2s only where the most likely token of z is the label. */
  readonly agreementOnly: boolean;
  /** Values of the inputs that the states above came from. */
  readonly inputs: RecordedTerm["inputs"];
}

/** The three terms that DSKD and DSKD-CMA share: `ce_t2s`, `kd_t2s`, `kd_s2t`. */
export function recordDualSpace(recording: Recording, weight: number, space: DualSpace): RecordedTerm {
  const { tape, shape, student, teacher } = recording;
  const { settings, agreementOnly, inputs } = space;
  const [studentRows, teacherRows] = (["student", "teacher"] as const).map((side) =>
    tape.b.input(`dual_${side}_rows`, shape[`${side}Rows`]),
  );
  if (!studentRows || !teacherRows) throw new Error("two sides were mapped");
  const z = linear(tape, space.inStudentSpace, tape.detached(student.head()), { wide: true });
  const head = tape.constant(teacher.head(), [shape.teacherVocab, shape.teacherWidth]);
  const y = linear(tape, space.inTeacherSpace, head, { wide: true });
  let hit = studentRows;
  const labelled = recordTokenTerm(
    recording,
    "ce_t2s",
    weight,
    (scale) => {
      const recorded = crossEntropy(tape, z, student.labels(), scale);
      if (agreementOnly) hit = recorded.hit;
      return recorded.totals;
    },
    inputs,
  );
  const toStudent = recordTokenTerm(
    recording,
    "kd_t2s",
    weight,
    (scale) => {
      const sides = { student: student.logits(), teacher: z.value };
      return recordDivergence(tape, { ...settings, ...sides, rowWeight: hit, scale }).totals;
    },
    ({ student: side }: PairBatch) => ({
      dual_student_rows: rowMask(side.labels.length, shape.studentRows),
    }),
  );
  const toTeacher = recordTokenTerm(
    recording,
    "kd_s2t",
    weight,
    (scale) => {
      const { temperature } = settings;
      const sides = { student: y, teacher: teacher.logits(), rowWeight: teacherRows };
      return recordDivergence(tape, { divergence: "forward_kl", temperature, ...sides, scale }).totals;
    },
    ({ teacher: side }: PairBatch) => ({
      dual_teacher_rows: rowMask(side.labels.length, shape.teacherRows),
    }),
  );
  return joinTerms([labelled, toStudent, toTeacher]);
}

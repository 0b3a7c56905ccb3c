// The training step as one program: forward, objective, backward, clip, AdamW. Recorded once per shape bucket.
import type { MethodConfig } from "../config/run";
import type { PairBatch } from "../data";
import type { Gpu } from "../gpu/device";
import {
  type InputData,
  type Program,
  ProgramBuilder,
  type ProgramMemory,
  type Tensor,
} from "../gpu/program";
import type {
  Objective,
  RecordedObjective,
  Recording,
  StepShape,
  StepTerms,
  TeacherNeed,
} from "../objectives";
import {
  type AdamWStep,
  gatherRows,
  HYPER_ELEMENTS,
  type StudentModel,
  NO_ROW,
  packHyper,
  recordClipAndAdamW,
  recordHead,
  recordModel,
  Tape,
  type Var,
} from "../student";
import type { TeacherCache, TeacherStates } from "./teacher-cache";
import type { PreparedRow } from "../data";

export interface StepOutcome extends StepTerms {
  readonly loss: number;
  readonly gradNorm: number;
  /** False when something was not finite: then weights and moments are as they were before the step. */
  readonly updated: boolean;
}

export interface StepProgram {
  readonly memory: ProgramMemory;
  readonly dispatches: number;
  run(batch: PairBatch, states: readonly TeacherStates[], adamw: AdamWStep): Promise<StepOutcome>;
  destroy(): void;
}

/**
 * Record and build the step of one shape bucket.
 *
 * @throws Error when it does not fit into GPU memory, or a kernel does not compile.
 */
export async function buildStep(
  gpu: Gpu,
  model: StudentModel,
  objective: Objective,
  method: MethodConfig,
  shape: StepShape,
  onProgress?: (done: number, total: number) => void,
): Promise<StepProgram> {
  const b = new ProgramBuilder(`step ${shape.batch}×${shape.studentLength}`);
  const tape = new Tape(b);
  const recording = recordForward(tape, model, shape);
  const recorded = objective.record(method, recording);
  tape.backward();
  const optimizer = recordClipAndAdamW(b, model.store, b.input("hyper", HYPER_ELEMENTS, "uniform"));
  b.output("optimizer", optimizer.verdict);
  const memory = b.memory();
  const program = await b.build(gpu, onProgress);
  return {
    memory,
    dispatches: program.dispatches,
    run: (batch, states, adamw) =>
      runStep(program, recorded, objective.needs(method), shape, batch, states, adamw),
    destroy: () => program.destroy(),
  };
}

/** The student's forward pass and lazily gathered response rows; inputs `ids`, `rows`, `teacher_*`. */
export function recordForward(tape: Tape, model: StudentModel, shape: StepShape): Recording {
  const { b } = tape;
  const { batch: B, studentLength: T, studentRows, teacherRows, teacherWidth } = shape;
  const ids = b.input("ids", B * T);
  const rows = b.input("rows", studentRows);
  const states = recordModel(tape, model, { B, T, ids });
  const hidden = once(() => gatherRows(tape, states.hidden, rows));
  const teacherInput = (name: string) => once((): Tensor => b.input(name, teacherRows * teacherWidth));
  return {
    tape,
    params: model.store,
    shape,
    student: {
      embedding: once(() => gatherRows(tape, states.embedding, rows)),
      hidden,
      logits: once((): Var => recordHead(tape, model, hidden())),
    },
    teacher: { embedding: teacherInput("teacher_embedding"), hidden: teacherInput("teacher_hidden") },
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

async function runStep(
  program: Program,
  recorded: RecordedObjective,
  needs: readonly TeacherNeed[],
  shape: StepShape,
  batch: PairBatch,
  states: readonly TeacherStates[],
  adamw: AdamWStep,
): Promise<StepOutcome> {
  const data = {
    ...batchInputs(batch, shape),
    ...teacherInputs(needs, states, shape),
    ...recorded.inputs(batch),
    hyper: packHyper(adamw),
  };
  const values = await program.run(data, { read: [...recorded.outputs, "optimizer"] });
  const { optimizer = new Float32Array() } = values;
  const terms = recorded.terms(values, batch);
  const [gradNorm = NaN, , updated = 0] = optimizer; // norm, clipping factor, applied
  const loss = Object.values(terms.terms).reduce((a, b) => a + b, 0);
  return { ...terms, loss, gradNorm, updated: updated !== 0 };
}

/** Token ids and response rows, padded to the bucket. Padding sits right of causal attention: nothing reads it. */
export function batchInputs({ student }: PairBatch, shape: StepShape): Record<string, InputData> {
  const { batch: B, studentLength: T, studentRows } = shape;
  const ids = new Uint32Array(B * T);
  for (let s = 0; s < student.B; s++)
    ids.set(student.ids.subarray(s * student.T, (s + 1) * student.T), s * T);
  const rows = new Uint32Array(studentRows).fill(NO_ROW);
  student.rows.forEach((row, i) => {
    rows[i] = Math.floor(row / student.T) * T + (row % student.T);
  });
  return { ids, rows };
}

/** The teacher's response rows of the batch, one sample after the other, zero beyond. */
export function teacherInputs(
  needs: readonly TeacherNeed[],
  states: readonly TeacherStates[],
  { teacherRows, teacherWidth }: StepShape,
): Record<string, Float32Array> {
  const data: Record<string, Float32Array> = {};
  for (const need of needs) {
    const kind = need === "teacher.hidden" ? "hidden" : "embedding";
    const all = new Float32Array(teacherRows * teacherWidth);
    let at = 0;
    for (const s of states) {
      all.set(s[kind], at);
      at += s[kind].length;
    }
    data[`teacher_${kind}`] = all;
  }
  return data;
}

export const statesOf = (cache: TeacherCache, rows: readonly PreparedRow[]): TeacherStates[] =>
  rows.map((row) => cache.states(row));

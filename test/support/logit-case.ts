// One method on the tensors of a logit fixture: the value of its term, and the gradient to the student's logits.
import type { SideBatch, TokenTable } from "../../src/data";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  type Distillation,
  type Matrix,
  recordTensors,
  type StepShape,
  tensorLeaves,
} from "../../src/objectives";
import { createParamStore, Tape } from "../../src/student";

export interface LogitFixture {
  s_logits: number[][][];
  t_logits: number[][][];
  t_logits_same?: number[][][];
  ids_s: number[][];
  ids_t: number[][];
  label_s: number[][];
  label_t: number[][];
  student_tokens: string[];
  teacher_tokens: string[];
  student_space: string;
  teacher_space: string;
  cases: { settings: { id: string }; sum: number; gradient: number[] }[];
}

/** Capacities above what the batch needs, so that padding is exercised; padding rows are loud. */
export async function runLogitCase(
  gpu: Gpu,
  fixture: LogitFixture,
  settings: { id: string },
  term: Distillation,
): Promise<{ sum: number; gradient: Float32Array }> {
  const fields = new Map<string, Matrix>();
  for (const name of ["s_logits", "t_logits", "t_logits_same"] as const) {
    const values = fixture[name];
    if (values) fields.set(name, matrix(values));
  }
  const student = side(fixture.ids_s, fixture.label_s);
  const teacher = side(fixture.ids_t, fixture.label_t);
  const tokens = {
    student: table(fixture.student_tokens, fixture.student_space),
    teacher: table(fixture.teacher_tokens, fixture.teacher_space),
  };
  const batch = { student, teacher, tokens, rowIndices: [], denominator: 1, samples: 1 };
  const shape: StepShape = {
    ...{ batch: student.B + 1, studentLength: student.T, teacherLength: teacher.T },
    ...{ studentRows: student.rows.length + 3, teacherRows: teacher.rows.length + 2 },
    ...{ studentWidth: 1, teacherWidth: 1 },
    ...{ studentVocab: fixture.student_tokens.length, teacherVocab: fixture.teacher_tokens.length },
  };
  const store = createParamStore(gpu, tensorLeaves(fields));
  const b = new ProgramBuilder(`case ${settings.id}`);
  const tape = new Tape(b);
  const made = recordTensors(tape, store, fields, batch, shape, 9);
  const published = { tokenMatch: "spelling", ...settings };
  const recorded = term.recordTerm(published, made.recording, 1);
  tape.backward();
  const program = await b.build(gpu);
  const inputs = { ...made.inputs(), ...recorded.inputs(batch) };
  const outputs = await program.run(inputs, { read: recorded.outputs });
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  const { terms } = recorded.terms(outputs, batch);
  const sum = Object.values(terms).reduce((a, c) => a + c, 0);
  return { sum, gradient: gradients.get("s_logits")!.data };
}

const matrix = (values: number[][][]): Matrix => ({
  rows: values.length * values[0]!.length,
  cols: values[0]![0]!.length,
  data: Float32Array.from(values.flat(2)),
});

const table = (tokens: string[], space: string): TokenTable => ({
  size: tokens.length,
  raw: (id) => tokens[id]!,
  bytes: (id) => new TextEncoder().encode(tokens[id]!.replaceAll(space, " ")),
  space,
});

function side(ids: number[][], labels: number[][]): SideBatch {
  const [B, T] = [ids.length, ids[0]!.length];
  const flat = labels.flat();
  const rows = Uint32Array.from([...flat.keys()].filter((p) => flat[p] !== -100));
  const rowOffsets = Uint32Array.from({ length: B + 1 }, (_, b) => rows.filter((row) => row < b * T).length);
  const rest = { mask: new Uint8Array(B * T).fill(1), lengths: new Int32Array(B).fill(T) };
  return {
    B,
    T,
    ids: Int32Array.from(ids.flat()),
    rows,
    rowOffsets,
    labels: Int32Array.from(rows, (p) => flat[p]!),
    ...rest,
  };
}

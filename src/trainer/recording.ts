// The forward pass as objectives see it, recorded from a live student and the teacher's cached states. What nobody
// asks for is not recorded, and its inputs do not exist.
import type { PairBatch, SideBatch, ViewBatch } from "../data";
import type { InputPieces, ProgramInput } from "../gpu/input-pieces";
import type { Tensor } from "../gpu/program";
import { byNumber, once } from "../objectives";
import type { Recording, StepShape, TeacherSide, ViewRecording, ViewShape } from "../objectives";
import {
  crossEntropy,
  gatherRows,
  headCrossEntropy,
  headWeight,
  linear,
  type ModelOptions,
  NO_ROW,
  recordHead,
  recordModel,
  stretches,
  type StudentModel,
  Tape,
} from "../student";
import { type BatchStates, layerOf, type StateKind, type TeacherStates } from "./teacher-cache";
import type { TeacherWeights } from "./teacher-weights";

export interface LiveRecording {
  readonly recording: Recording;
  /** Values of every input that the recording made. */
  inputs(batch: PairBatch, states: BatchStates): Record<string, ProgramInput>;
}

type Value = (view: ViewBatch, states: readonly (TeacherStates | undefined)[]) => ProgramInput;

/** Record the student's forward pass on each view of the shape. Inputs of the plain view begin with `plain_`. */
export function recordForward(
  tape: Tape,
  model: StudentModel,
  weights: TeacherWeights,
  shape: StepShape,
  options: ModelOptions = {},
): LiveRecording {
  const main = recordView(tape, model, weights, shape, shape, "", options);
  const plain = shape.plain && recordView(tape, model, weights, shape, shape.plain, "plain_", options);
  const { student, teacher } = main.view;
  return {
    recording: {
      ...main.view,
      tape,
      params: model.store,
      shape,
      // One tokenizer, so one set of response positions.
      shared: {
        teacherLogits: teacher.logits,
        teacherHidden: teacher.hidden,
        studentHidden: student.hidden,
      },
      plain: plain?.view,
    },
    inputs: (batch, states) => ({
      ...main.inputs(batch, states.main),
      ...(plain && batch.plain && states.plain ? plain.inputs(batch.plain, states.plain) : {}),
    }),
  };
}

function recordView(
  tape: Tape,
  model: StudentModel,
  weights: TeacherWeights,
  { batch: B, teacherWidth }: StepShape,
  { studentLength: T, teacherLength, studentRows, teacherRows }: ViewShape,
  prefix: string,
  options: ModelOptions,
) {
  const { b } = tape;
  const values = new Map<string, Value>();
  const input = (name: string, length: number, value: Value): Tensor => {
    values.set(prefix + name, value);
    return b.input(prefix + name, length);
  };
  const ids = input("ids", B * T, ({ student }) => paddedIds(student, B, T));
  const rows = input("rows", studentRows, ({ student }) => paddedRows(student, T, studentRows));
  const states = recordModel(tape, model, { B, T, ids }, options);
  const hidden = once(() => gatherRows(tape, states.hidden, rows));
  const ofRows = (name: string, length: number, of: (view: ViewBatch) => ArrayLike<number>) =>
    once(() => input(name, length, (view) => padded(of(view), length)));
  const labels = ofRows("row_labels", studentRows, ({ student: s }) => s.labels);
  const logits = once(() => recordHead(tape, model, hidden()));
  const student: ViewRecording["student"] = {
    embedding: once(() => gatherRows(tape, states.embedding, rows)),
    hidden,
    layer: byNumber((k) => gatherRows(tape, states.layers(k), rows)),
    logits,
    crossEntropy: (scale) =>
      stretches(studentRows, model.config.vocabSize).length === 1
        ? crossEntropy(tape, logits(), labels(), scale)
        : headCrossEntropy(tape, hidden(), headWeight(tape, model), labels(), scale),
    head: () => headWeight(tape, model),
    tokenEmbedding: () => model.store.leaf(tape, model.network.tokens),
    ids: ofRows("row_ids", studentRows, ({ student: s }) => s.rows.map((row) => s.ids[row] ?? 0)),
    labels,
  };

  // The teacher's own forward pass in this program, or states that the host brings.
  const forward = once(() => {
    const [on, T] = [new Tape(b, { training: false }), teacherLength];
    const ids = input("teacher_ids", B * T, ({ teacher: t }) => paddedIds(t, B, T));
    const rows = input("teacher_rows", teacherRows, ({ teacher: t }) => paddedRows(t, T, teacherRows));
    const live = recordModel(on, weights.live!, { B, T, ids }); // asked for where there is one
    return (kind: StateKind) =>
      gatherRows(
        on,
        kind === "embedding" || kind === "hidden" ? live[kind] : live.layers(layerOf(kind)),
        rows,
      ).value;
  });
  const state = (kind: StateKind) =>
    once(() =>
      weights.live
        ? forward()(kind)
        : input(`teacher_${kind}`, teacherRows * teacherWidth, (_view, of) => joinedStates(of, kind)),
    );
  const teacherHidden = state("hidden");
  const teacher: TeacherSide = {
    embedding: state("embedding"),
    hidden: teacherHidden,
    layer: byNumber((k) => state(`layer.${k}`)()),
    logits: once(() => {
      const head = tape.constant(weights.head(), weights.shape);
      const states = tape.constant(teacherHidden(), [teacherRows, teacherWidth]);
      return linear(tape, states, head, { wide: true }).value;
    }),
    head: () => weights.head(),
    tokenEmbedding: () => weights.tokenEmbedding(),
    ids: ofRows("teacher_row_ids", teacherRows, ({ teacher: t }) => t.rows.map((row) => t.ids[row] ?? 0)),
    labels: ofRows("teacher_row_labels", teacherRows, ({ teacher: t }) => t.labels),
  };
  const inputs = (view: ViewBatch, of: readonly (TeacherStates | undefined)[]) =>
    Object.fromEntries([...values].map(([name, value]) => [name, value(view, of)]));
  return { view: { student, teacher }, inputs };
}

/** Token ids padded to the bucket. Padding sits right of causal attention: nothing reads it. */
export function paddedIds(side: SideBatch, B: number, T: number): Uint32Array {
  const ids = new Uint32Array(B * T);
  for (let s = 0; s < side.B; s++) ids.set(side.ids.subarray(s * side.T, (s + 1) * side.T), s * T);
  return ids;
}

export function paddedRows(side: SideBatch, T: number, length: number): Uint32Array {
  return padded(
    side.rows.map((row) => Math.floor(row / side.T) * T + (row % side.T)),
    length,
  );
}

function padded(values: ArrayLike<number>, length: number): Uint32Array {
  const all = new Uint32Array(length).fill(NO_ROW);
  all.set(values);
  return all;
}

/** The teacher's response rows of the batch, one sample after the other; a sample without this view has none. */
const joinedStates = (states: readonly (TeacherStates | undefined)[], kind: StateKind): InputPieces => ({
  pieces: states.flatMap((rows) => rows?.values[kind] ?? []),
});

// A Recording made from plain tensors instead of live models: the headless `objective` command, and tests. States are
// given at every position of a [B, L] batch; the response rows are gathered here. Student tensors are leaves of a
// parameter store under their field names, so that their gradients can be read back in the shape they came in.
import type { PairBatch, SideBatch, ViewBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import {
  crossEntropy,
  gatherRows,
  type NewParameter,
  NO_ROW,
  type ParamStore,
  type Tape,
  type Var,
} from "../student";
import { byNumber, once } from "./once";
import type { Recording, StepShape, StudentSide, TeacherSide, ViewRecording, ViewShape } from "./types";

/** Row-major. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array;
}

/**
 * The tensors by field: s_logits, s_hid, s_emb, s_layer_K and t_logits, t_hid, t_emb, t_layer_K, t_logits_same over
 * all positions [B·L, ·], the first six also with `_raw` for the plain view; Ws, Es [V, D]; Wt, Et [Vt, Dt].
 */
export type TensorFields = ReadonlyMap<string, Matrix>;

/** A method asked for a tensor that the case does not hold. */
export class MissingTensor extends Error {
  override name = "MissingTensor";
  constructor(readonly field: string) {
    super(`${field}: the method needs it, and it is not given`);
  }
}

export interface TensorRecording {
  readonly recording: Recording;
  /** Values of every input that the recording made. */
  inputs(): Record<string, InputData>;
}

const STUDENT_FIELD = /^s_(logits|hid|emb|layer_\d+)(_raw)?$/;

/** The student's tensors as parameters: what `recordTensors` differentiates by. */
export const tensorLeaves = (fields: TensorFields): NewParameter[] =>
  [...fields]
    .filter(([name]) => STUDENT_FIELD.test(name))
    .map(([name, { rows, cols, data }]) => ({
      name,
      shape: [rows, cols],
      data,
      group: "student",
      decay: true,
    }));

/**
 * @param batch its `rows` are positions b·L + p of the tensors.
 * @param padding what teacher rows beyond the batch's hold: tests make it loud.
 */
export function recordTensors(
  tape: Tape,
  params: ParamStore,
  fields: TensorFields,
  batch: PairBatch,
  shape: StepShape,
  padding = 0,
): TensorRecording {
  const data: Record<string, InputData> = {};
  const input = (name: string, values: InputData): Tensor => {
    data[name] = values;
    return tape.b.input(name, values.length);
  };
  const matrix = (field: string): Matrix => {
    const found = fields.get(field);
    if (!found) throw new MissingTensor(field);
    return found;
  };
  const constant = (field: string) => once(() => input(field, matrix(field).data));
  const weights = { Ws: constant("Ws"), Es: constant("Es"), Wt: constant("Wt"), Et: constant("Et") };
  /** Rows of a teacher tensor at some positions, as an input. */
  const teacherRows = (name: string, field: string, rows: Uint32Array, count: number) =>
    once(() => {
      const { cols, data: all } = matrix(field);
      const values = new Float32Array(count * cols).fill(padding);
      rows.forEach((row, i) => values.set(all.subarray(row * cols, (row + 1) * cols), i * cols));
      return input(name, values);
    });
  const studentRows = (field: string, rows: () => Tensor) =>
    once((): Var => {
      matrix(field);
      return gatherRows(tape, params.leaf(tape, field), rows());
    });
  const u32 = (name: string, values: () => ArrayLike<number>, count: number) =>
    once(() => {
      const all = new Uint32Array(count).fill(NO_ROW);
      all.set(values());
      return input(name, all);
    });
  const tokens = (side: SideBatch) => side.rows.map((row) => side.ids[row] ?? 0);
  const table = (field: "Ws" | "Es") => (): Var => {
    const { rows, cols } = matrix(field);
    return tape.constant(weights[field](), [rows, cols]);
  };

  const view = (suffix: string, of: ViewBatch, size: ViewShape): ViewRecording => {
    const rows = u32(`rows_s${suffix}`, () => of.student.rows, size.studentRows);
    const student = (kind: string) => studentRows(`s_${kind}${suffix}`, rows);
    const teacher = (kind: string) =>
      teacherRows(`t_${kind}${suffix}`, `t_${kind}${suffix}`, of.teacher.rows, size.teacherRows);
    const logits = student("logits");
    const labels = u32(`label_s${suffix}`, () => of.student.labels, size.studentRows);
    const studentSide: StudentSide = {
      ...{ embedding: student("emb"), hidden: student("hid"), logits, labels },
      crossEntropy: (scale) => crossEntropy(tape, logits(), labels(), scale),
      layer: byNumber((k) => student(`layer_${k}`)()),
      ...{ head: table("Ws"), tokenEmbedding: table("Es") },
      ids: u32(`ids_s${suffix}`, () => tokens(of.student), size.studentRows),
    };
    const teacherSide: TeacherSide = {
      ...{
        embedding: teacher("emb"),
        hidden: teacher("hid"),
        logits: teacher("logits"),
      },
      layer: byNumber((k) => teacher(`layer_${k}`)()),
      ...{ head: weights.Wt, tokenEmbedding: weights.Et },
      ids: u32(`ids_t${suffix}`, () => tokens(of.teacher), size.teacherRows),
      labels: u32(`label_t${suffix}`, () => of.teacher.labels, size.teacherRows),
    };
    return { student: studentSide, teacher: teacherSide };
  };

  const { student, teacher } = batch;
  const sharedLogits = fields.has("t_logits_same") ? "t_logits_same" : "t_logits";
  const studentPositions = u32("rows_shared", () => teacher.rows, shape.teacherRows);
  const recording: Recording = {
    ...view("", batch, shape),
    ...{ tape, params: withMissing(params), shape },
    shared: {
      teacherLogits: teacherRows("t_logits_shared", sharedLogits, student.rows, shape.studentRows),
      teacherHidden: teacherRows("t_hid_shared", "t_hid", student.rows, shape.studentRows),
      studentHidden: studentRows("s_hid", studentPositions),
    },
    plain: batch.plain && shape.plain && view("_raw", batch.plain, shape.plain),
  };
  return { recording, inputs: () => data };
}

/** A projector that is not given is missing like any tensor. */
const withMissing = (params: ParamStore): ParamStore => ({
  ...params,
  leaf(tape, name) {
    if (!params.entries.has(name)) throw new MissingTensor(name.replace(/^projector\./, ""));
    return params.leaf(tape, name);
  },
});

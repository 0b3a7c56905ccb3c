// A case as a method sees it: the batch of labels and ids, the shape, the tensors by field, and the projectors.
import type { MethodOf } from "../config/run";
import { momentsOf, type PairBatch, type SideBatch, type TokenTable, type ViewBatch } from "../data";
import { MissingTensor, type StepShape, type ViewShape } from "../objectives";
import type { NewParameter } from "../student";
import { checkChunks, checkOverlap, type ChunkFields } from "./objective-chunks";
import {
  type Case,
  CaseError,
  type CaseLabels,
  type CaseView,
  NO_RESPONSE,
  sameShape,
} from "./objective-file";

export interface PreparedCase {
  readonly batch: PairBatch;
  readonly shape: StepShape;
  readonly projectors: NewParameter[];
}

/** @throws CaseError naming the field that does not fit the others. */
export function prepareCase(given: Case): PreparedCase {
  const widths = checkWidths(given);
  const wantsPlain = ["ot", "cot2align"].includes(given.settings.method) && given.plain !== undefined;
  const main = viewBatch(given.main, "");
  for (const [side, field] of [
    [main.student, "label_s"],
    [main.teacher, "label_t"],
  ] as const)
    refuseEmpty(side, field);
  const plain = wantsPlain && given.plain ? viewBatch(given.plain, "_raw") : undefined;
  if (plain) checkPlain(plain, main, given.settings.masks);
  checkTokens(given, main, "");
  checkShared(given, main);
  checkTexts(given);
  checkChunks(chunkFields(given), main);
  const batch: PairBatch = {
    ...main,
    plain,
    rowIndices: Array.from({ length: main.student.B }, (_, b) => b),
    tokens: { student: tokenTable(given, "student"), teacher: tokenTable(given, "teacher") },
    teacherMoments: teacherMoments(given, main.teacher),
    denominator: given.denominator,
    ...(given.groups && { groups: given.groups }),
    ...(given.projection && { projection: given.projection }),
    ends: given.ends,
  };
  checkOverlap(given.settings, batch);
  return {
    batch,
    shape: {
      ...{ batch: main.student.B, ...viewShape(main), ...widths, plain: plain && viewShape(plain) },
      ...{ projectionWidth: given.projection?.width ?? 1, endPairs: given.ends.length },
    },
    projectors: projectorsOf(given),
  };
}

const chunkFields = ({ settings, tensors, ...given }: Case): ChunkFields => ({
  ...given,
  method: settings.method,
  widths: {
    student: tensors.get("s_logits")?.cols,
    teacher: tensors.get("t_logits")?.cols,
    same: tensors.get("t_logits_same")?.cols,
  },
});

/** Every tensor that is there agrees with the others about the models' widths and vocabularies. */
function checkWidths({ tensors }: Case) {
  const known = new Map<string, { readonly size: number; readonly field: string }>();
  const learn = (what: string, field: string, size: number | undefined): void => {
    if (size === undefined) return;
    const before = known.get(what);
    if (!before) known.set(what, { size, field });
    else if (before.size !== size)
      throw new CaseError(field, `${what} is ${size} here and ${before.size} in ${before.field}`);
  };
  const of = (field: string) => tensors.get(field);
  const [ds, dt] = ["the student's width", "the teacher's width"];
  const [Vs, Vt] = ["the student's vocabulary", "the teacher's vocabulary"];
  for (const field of tensors.keys()) {
    if (/^s_(hid|emb|layer_\d+)(_raw)?$/.test(field)) learn(ds, field, of(field)?.cols);
    if (/^t_(hid|emb|layer_\d+)(_raw)?$/.test(field)) learn(dt, field, of(field)?.cols);
  }
  learn(Vs, "s_logits", of("s_logits")?.cols);
  learn(Vs, "t_logits_same", of("t_logits_same")?.cols);
  learn(Vt, "t_logits", of("t_logits")?.cols);
  for (const field of ["Ws", "Es"]) {
    learn(ds, field, of(field)?.cols);
    learn(Vs, field, of(field)?.rows);
  }
  for (const field of ["Wt", "Et"]) {
    learn(dt, field, of(field)?.cols);
    // A shared vocabulary needs no t_logits of its own.
    if (of("t_logits") || !of("t_logits_same")) learn(Vt, field, of(field)?.rows);
  }
  const size = (what: string) => known.get(what)?.size;
  const [studentWidth, teacherWidth] = [size(ds), size(dt)];
  const linear = (name: string, inputs: number | undefined, outputs: number | undefined) => {
    const [weight, bias] = [of(`${name}.weight`), of(`${name}.bias`)];
    if (weight && inputs !== undefined && outputs !== undefined)
      sameShape(`${name}.weight`, weight.shape, [outputs, inputs], "the models' widths");
    if (weight && bias) sameShape(`${name}.bias`, bias.shape, [weight.rows], `${name}.weight`);
    if (weight && !bias) throw new CaseError(`${name}.bias`, `missing beside ${name}.weight`);
    if (bias && !weight) throw new CaseError(`${name}.weight`, `missing beside ${name}.bias`);
  };
  const twice = (width: number | undefined) => (width === undefined ? undefined : 2 * width);
  linear("ot", teacherWidth, studentWidth);
  linear("t2s", teacherWidth, studentWidth);
  linear("s2t", studentWidth, teacherWidth);
  linear("query", twice(studentWidth), twice(teacherWidth));
  return {
    studentWidth: studentWidth ?? 1,
    teacherWidth: teacherWidth ?? 1,
    studentVocab: size(Vs) ?? 1,
    teacherVocab: size(Vt) ?? of("Wt")?.rows ?? size(Vs) ?? 1,
  };
}

function viewBatch({ student, teacher }: CaseView, suffix: string): ViewBatch {
  return { student: sideBatch(student, `ids_s${suffix}`), teacher: sideBatch(teacher, `ids_t${suffix}`) };
}

/** The response rows are where a label is; every position counts as real. */
function sideBatch({ B, L, labels, ids }: CaseLabels, field: string): SideBatch {
  const rows = Uint32Array.from([...labels.keys()].filter((p) => labels[p] !== NO_RESPONSE));
  const rowOffsets = Uint32Array.from({ length: B + 1 }, (_, b) => rows.filter((row) => row < b * L).length);
  return {
    ...{ B, T: L, rows, rowOffsets },
    labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
    get ids(): Int32Array {
      if (!ids) throw new MissingTensor(field);
      return ids;
    },
    mask: new Uint8Array(B * L).fill(1),
    lengths: new Int32Array(B).fill(L),
  };
}

const rowsOf = ({ rowOffsets }: SideBatch, b: number): number =>
  (rowOffsets[b + 1] ?? 0) - (rowOffsets[b] ?? 0);

function refuseEmpty(side: SideBatch, field: string): void {
  for (let b = 0; b < side.B; b++)
    if (rowsOf(side, b) === 0)
      throw new CaseError(field, `sample ${b} has no response: all of its labels are ${NO_RESPONSE}`);
}

/** A sample either has a plain view on both sides or on none; as published, the teacher's is masked away. */
function checkPlain(plain: ViewBatch, main: ViewBatch, masks: MethodOf<"cot2align">["masks"]): void {
  if (plain.student.B !== main.student.B)
    throw new CaseError("label_s_raw", `holds ${plain.student.B} samples, label_s ${main.student.B}`);
  if (masks === "as_published") return;
  let pairs = 0;
  for (let b = 0; b < plain.student.B; b++) {
    const [s, t] = [rowsOf(plain.student, b), rowsOf(plain.teacher, b)];
    if (s > 0 !== t > 0) {
      const field = s > 0 ? "label_t_raw" : "label_s_raw";
      throw new CaseError(field, `sample ${b} has no response there, and the other model's has one`);
    }
    pairs += s > 0 ? 1 : 0;
  }
  if (pairs === 0)
    throw new CaseError("label_s_raw", `no sample has a second view: all labels are ${NO_RESPONSE}`);
}

/** A vocabulary map belongs to one pair of tokenizers: the texts must be those of the logits. */
function checkTexts({ settings, tensors, tokens }: Case): void {
  if ((settings.base ?? settings.method) !== "mined") return;
  for (const [side, field] of [
    ["student", "s_logits"],
    ["teacher", "t_logits"],
  ] as const) {
    const [count, vocab] = [tokens[side]?.length, tensors.get(field)?.cols];
    if (count !== undefined && vocab !== undefined && count !== vocab)
      throw new CaseError(
        `${side}_tokens`,
        `holds ${count} tokens, but ${field} has ${vocab}: of another tokenizer`,
      );
  }
}

/** Methods that pair position p with position p: one tokenizer, so one length and one vocabulary. */
function checkShared({ settings, tensors }: Case, { student, teacher }: ViewBatch): void {
  const method = settings.base ?? settings.method;
  const [own, logits] = [tensors.get("s_logits"), tensors.get("t_logits")];
  if (method === "kd" && tensors.has("t_logits_same")) return;
  if (method === "kd" && (own?.cols !== logits?.cols || student.T !== teacher.T))
    throw new CaseError("t_logits_same", `missing; "kd" needs teacher logits over the student's vocabulary`);
  if (method === "dskd" && student.T !== teacher.T)
    throw new CaseError(
      "label_t",
      `has ${teacher.T} positions, label_s ${student.T}; "${method}" pairs them`,
    );
}

function checkTokens(given: Case, { student, teacher }: ViewBatch, suffix: string): void {
  const { tensors } = given;
  const below = (field: string, values: Int32Array, table: string) => {
    const limit = tensors.get(table);
    const size = table.includes("logits") ? limit?.cols : limit?.rows;
    const odd = size === undefined ? -1 : values.findIndex((id) => id >= size);
    if (odd >= 0)
      throw new CaseError(`${field}${suffix}`, `token ${values[odd]} is beyond the ${size} of ${table}`);
  };
  for (const table of ["s_logits", "Ws", "Es"]) below("label_s", student.labels, table);
  for (const table of ["t_logits", "Wt", "Et"]) below("label_t", teacher.labels, table);
  if (given.main.student.ids) below("ids_s", given.main.student.ids, "Es");
  if (given.main.teacher.ids) below("ids_t", given.main.teacher.ids, "Et");
}

const viewShape = ({ student, teacher }: ViewBatch): ViewShape => ({
  studentLength: student.T,
  teacherLength: teacher.T,
  studentRows: Math.max(1, student.rows.length),
  teacherRows: Math.max(1, teacher.rows.length),
});

const encoder = new TextEncoder();

function tokenTable({ tokens, spaces }: Case, side: "student" | "teacher"): TokenTable {
  const raw = (id: number): string => {
    const list = tokens[side];
    if (!list) throw new MissingTensor(`${side}_tokens`);
    const token = list[id];
    if (token === undefined)
      throw new CaseError(`${side}_tokens`, `holds ${list.length} tokens, but token ${id} is used`);
    return token;
  };
  return {
    get size(): number {
      if (!tokens[side]) throw new MissingTensor(`${side}_tokens`);
      return tokens[side].length;
    },
    raw,
    bytes: (id) => encoder.encode(raw(id).replaceAll(spaces[side], " ")),
    space: spaces[side],
  };
}

function teacherMoments({ tensors }: Case, side: SideBatch): PairBatch["teacherMoments"] {
  const [hidden, table] = [tensors.get("t_hid"), tensors.get("Et")];
  if (!hidden || !table) return undefined;
  const { cols, data } = table;
  return {
    hidden: momentsOf(hidden.data),
    token: (id) => momentsOf(data.subarray(id * cols, (id + 1) * cols)),
    positions: side.B * side.T,
  };
}

const projectorsOf = ({ tensors }: Case): NewParameter[] =>
  [...tensors]
    .filter(([name]) => name.includes("."))
    .map(([name, { shape, data }]) => ({
      name: `projector.${name}`,
      shape,
      data,
      group: "projector",
      decay: true,
    }));

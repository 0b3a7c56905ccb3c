// From prepared rows to what a program takes: the batch of each view that the objective reads, and the teacher's
// states for it.
import { makePairBatch, type PairBatch, type PreparedRow, type TokenTable, type TokenTables } from "../data";
import type { Teacher, Tokenizer } from "../models";
import type { Dims } from "../objectives";
import type { Loaded } from "./load";
import type { BatchStates, TeacherCache } from "./teacher-cache";

export interface BatchSource {
  /** Have the teacher's states ready for these rows. */
  ensure(rows: readonly PreparedRow[]): Promise<void>;
  batch(rows: readonly PreparedRow[]): PairBatch;
  /** @throws Error when `ensure` was not awaited for these rows. */
  states(rows: readonly PreparedRow[]): BatchStates;
}

export function createBatchSource(
  { teacher, tokenizer, tokens, views }: Pick<Loaded, "teacher" | "tokenizer" | "tokens" | "views">,
  cache: TeacherCache,
): BatchSource {
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  const sequences = ({ teacher: main, plain }: PreparedRow) =>
    views === 2 && plain ? [main, plain.teacher] : [main];
  return {
    ensure: (rows) => cache.ensure(rows.flatMap(sequences)),
    batch: (rows) => ({ ...makePairBatch(rows, padIds, { plain: views === 2 }), tokens }),
    states: (rows) => ({
      main: rows.map((row) => cache.states(row.teacher)),
      ...(views === 2 && { plain: rows.map(({ plain }) => plain && cache.states(plain.teacher)) }),
    }),
  };
}

export const tokenTables = (student: Tokenizer, teacher: Tokenizer): TokenTables => ({
  student: tokenTable(student),
  teacher: tokenTable(teacher),
});

/** Whether both vocabularies write the same tokens under the same ids. */
export const sameTokens = ({ student, teacher }: TokenTables): boolean =>
  student.size === teacher.size &&
  Array.from({ length: student.size }, (_, id) => id).every((id) => student.raw(id) === teacher.raw(id));

export const tokenTable = (tokenizer: Tokenizer): TokenTable => ({
  size: tokenizer.vocabSize,
  raw: (id) => tokenizer.rawToken(id),
  bytes: (id) => tokenizer.tokenBytes(id),
  space: tokenizer.scheme === "metaspace" ? "▁" : "Ġ",
});

/** What a run's models make of the shapes. */
export const dimsOf = ({ model, teacher }: DimsSource): Dims => ({
  studentWidth: model.config.hiddenSize,
  teacherWidth: teacher.config.hiddenSize,
  studentVocab: model.config.vocabSize,
  teacherVocab: teacher.config.vocabSize,
});

interface DimsSource {
  readonly model: { readonly config: { readonly hiddenSize: number; readonly vocabSize: number } };
  readonly teacher: Pick<Teacher, "config">;
}

// From prepared rows to what a program takes: the batch of each view that the objective reads, and the teacher's
// states for it.
import {
  addMoments,
  makePairBatch,
  type Moments,
  momentsOf,
  type PairBatch,
  type PreparedRow,
  type TeacherMoments,
  type TokenTables,
} from "../data";
import type { NamedTensor, Teacher, TeacherConfig } from "../models";
import { byNumber, type Dims } from "../objectives";
import type { Loaded } from "./loaded";
import type { BatchStates, TeacherCache } from "./teacher-cache";

export interface BatchSource {
  /** Have the teacher's states ready for these rows. */
  ensure(rows: readonly PreparedRow[]): Promise<void>;
  batch(rows: readonly PreparedRow[]): PairBatch;
  /** @throws Error when `ensure` was not awaited for these rows. */
  states(rows: readonly PreparedRow[]): BatchStates;
}

export function createBatchSource(
  {
    teacher,
    tokenizer,
    tokens,
    views,
    model,
  }: Pick<Loaded, "teacher" | "tokenizer" | "tokens" | "views" | "model">,
  cache: TeacherCache,
): BatchSource {
  const padIds = { student: tokenizer.padId, teacher: teacher.tokenizer.padId };
  const positions = { student: model.config.maxPositions, teacher: teacher.config.maxPositions };
  const tokenMoments = teacher.tokenEmbedding && momentsByToken(teacher.tokenEmbedding);
  const sequences = ({ teacher: main, plain }: PreparedRow) =>
    views === 2 && plain ? [main, plain.teacher] : [main];
  return {
    ensure: (rows) => cache.ensure(rows.flatMap(sequences)),
    batch: (rows) => ({
      ...makePairBatch(rows, padIds, { plain: views === 2, positions }),
      tokens,
      get teacherMoments() {
        return teacherMoments(rows, cache, tokenMoments);
      },
    }),
    states: (rows) => ({
      main: rows.map((row) => cache.states(row.teacher)),
      ...(views === 2 && { plain: rows.map(({ plain }) => plain && cache.states(plain.teacher)) }),
    }),
  };
}

/** Over the real positions of these rows, prompts included; padding would say nothing. */
function teacherMoments(
  rows: readonly PreparedRow[],
  cache: TeacherCache,
  token: ((id: number) => Moments) | undefined,
): TeacherMoments | undefined {
  const hidden = rows.flatMap((row) => cache.states(row.teacher).hiddenMoments ?? []);
  if (!token || hidden.length < rows.length) return undefined;
  const positions = rows.reduce((sum, row) => sum + row.teacher.ids.length - 1, 0);
  return { hidden: addMoments(hidden), token, positions };
}

/** Moments of the rows of a token table, each computed once. */
function momentsByToken({ shape, data }: NamedTensor): (id: number) => Moments {
  const [, width = 0] = shape;
  return byNumber((id) => momentsOf(data.subarray(id * width, (id + 1) * width)));
}

/** Whether both vocabularies write the same tokens under the same ids. */
export const sameTokens = ({ student, teacher }: TokenTables): boolean =>
  student.size === teacher.size &&
  Array.from({ length: student.size }, (_, id) => id).every((id) => student.raw(id) === teacher.raw(id));

/** What a run's models make of the shapes. */
export const dimsOf = ({ model, teacher }: DimsSource): Dims => ({
  studentWidth: model.config.hiddenSize,
  teacherWidth: teacher.config.hiddenSize,
  studentVocab: model.config.vocabSize,
  teacherVocab: teacher.config.vocabSize,
  studentPositions: model.config.maxPositions,
  teacherPositions: teacher.config.maxPositions,
});

interface DimsSource {
  readonly model: { readonly config: Pick<TeacherConfig, "hiddenSize" | "vocabSize" | "maxPositions"> };
  readonly teacher: Pick<Teacher, "config">;
}

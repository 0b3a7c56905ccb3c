// Answers in words: the teacher's, the student's before the first step, the student's now; and how many are right.
import type { RunConfig } from "../config/run";
import {
  exactMatch,
  extractAnswer,
  type PreparedRow,
  promptIds,
  rougeL,
  type Sequence,
  type View,
} from "../data";
import type { Gpu } from "../gpu/device";
import type { StudentConfig } from "../models";
import { createGenerator, NotFiniteLogits, usablePositions } from "../student";
import type { AnswerRecord, EvaluationRecord } from "../telemetry";
import { RunError } from "./failure";
import type { Loaded } from "./loaded";
import { piecesOf } from "./pieces";

export interface Answers {
  compare(row: PreparedRow): Promise<Omit<AnswerRecord, "step">>;
  /** Each held-out row's answer, as `evaluate` counts them. */
  grade(rows: readonly PreparedRow[], view?: View): Promise<readonly Grade[]>;
  /** Held-out rows from the first on, as many as the config says; on the config's view of them, or another. */
  evaluate(rows: readonly PreparedRow[], view?: View): Promise<Omit<EvaluationRecord, "step">>;
  destroy(): void;
}

/** Of one answer: whether its final answer is exactly right, and its ROUGE-L against the reference. */
export interface Grade {
  readonly right: boolean;
  readonly rouge: number;
}

const EVALUATION_BATCH = 16;

/** Positions of the caches that answers are generated with. */
export const decoderLength = ({ data }: RunConfig, student: StudentConfig): number =>
  Math.min(data.maxLength, usablePositions(student));

/** Rows of the decoders that a run builds: one answer at a time, and a batch where answers are scored. */
export const decoderRows = ({ evaluation }: RunConfig): number[] =>
  evaluation.everySteps > 0 && evaluation.rows > 1 ? [1, EVALUATION_BATCH] : [1];

/** Does something with the student as it was before the first step. */
export type AtStart = <T>(work: () => Promise<T>) => Promise<T>;

export function createAnswers(gpu: Gpu, loaded: Loaded, config: RunConfig, atStart: AtStart): Answers {
  const { tokenizer, model, pool, teacher } = loaded;
  const limit = decoderLength(config, model.config);
  const generator = createGenerator(gpu, model, { length: limit, batch: EVALUATION_BATCH, pool });
  const own = config.data.view;
  const promptOf = ({ row }: PreparedRow, view: View = own) =>
    (view === "cot" ? row.promptCot : row.prompt) ?? row.prompt;
  const referenceOf = ({ row }: PreparedRow, view: View = own) =>
    (view === "cot" ? row.outputCot : row.output) ?? row.output;
  const fixed = new Map<PreparedRow, Promise<Pick<AnswerRecord, "teacher" | "before">>>();
  const options = { maxNewTokens: limit, stopIds: tokenizer.stopIds };

  /** What does not change as the student learns: computed once per row. No teacher has no answer. */
  function fixedAnswers(row: PreparedRow): Promise<Pick<AnswerRecord, "teacher" | "before">> {
    let known = fixed.get(row);
    if (!known) {
      known = (async () => ({
        ...(loaded.taught && { teacher: await taughtAnswer(row) }),
        before: tokenizer.decode(
          await atStart(() => withReadableErrors(generator.generate(askedIds(row), options))),
        ),
      }))();
      fixed.set(row, known);
      known.catch(() => fixed.delete(row)); // it may come another time
    }
    return known;
  }

  /** On the prompt as it was cut for training: one that fills the teacher's context leaves no room to answer. */
  async function taughtAnswer(row: PreparedRow): Promise<string> {
    const ids = promptOfSequence(row.teacher);
    const maxNewTokens = Math.min(limit, teacher.config.maxPositions - ids.length);
    return maxNewTokens < 1 ? "" : teacher.tokenizer.decode(await teacher.continue(ids, { maxNewTokens }));
  }

  const askedIds = (row: PreparedRow, view: View = own): number[] =>
    view === own
      ? promptOfSequence(row.student)
      : promptIds(tokenizer, row.row, askedView(row, view), Math.min(config.data.maxPrompt, limit));

  async function grade(all: readonly PreparedRow[], view: View = own): Promise<readonly Grade[]> {
    const known = all.filter((row) => row.row.answer !== undefined || referenceOf(row, view) !== "");
    const rows = known.slice(0, config.evaluation.rows); // a prompt alone does not say what is right
    const prompts = rows.map((row) => askedIds(row, view));
    const answers = await withReadableErrors(generator.generateBatch(prompts, options));
    return rows.map((row, i) => {
      const [text, reference] = [tokenizer.decode(answers[i] ?? []), referenceOf(row, view)];
      const right = exactMatch(text, row.row.answer ?? extractAnswer(reference));
      return { right, rouge: rougeL(text, reference) };
    });
  }

  const withReadableErrors = <T>(generated: Promise<T>): Promise<T> =>
    generated.catch((error: unknown) => {
      throw error instanceof NotFiniteLogits ? noAnswer(error) : error;
    });

  return {
    async compare(row) {
      const now = await withReadableErrors(generator.generate(askedIds(row), options));
      const fixedOnes = await fixedAnswers(row);
      const before = fixedOnes.before.trim();
      const after = tokenizer.decode(now).trim();
      const pieces = { before: piecesOf(tokenizer, before), now: piecesOf(tokenizer, after) };
      return {
        prompt: promptOf(row),
        reference: referenceOf(row),
        ...(fixedOnes.teacher !== undefined && { teacher: fixedOnes.teacher.trim() }),
        ...{ before, now: after },
        ...(pieces.before && pieces.now && { pieces: { before: pieces.before, now: pieces.now } }),
      };
    },
    grade,
    async evaluate(rows, view) {
      const grades = await grade(rows, view);
      return {
        correct: grades.filter(({ right }) => right).length,
        rougeL: grades.reduce((sum, { rouge }) => sum + rouge, 0) / Math.max(1, grades.length),
        total: grades.length,
      };
    },
    destroy: () => generator.destroy(),
  };
}

const promptOfSequence = ({ ids, promptLength }: Sequence): number[] => [...ids.subarray(0, promptLength)];

/** A row without a chain of thought is asked on its plain view. */
const askedView = ({ row }: PreparedRow, view: View): View =>
  view === "cot" && row.outputCot === undefined ? "plain" : view;

const noAnswer = ({ message }: NotFiniteLogits): RunError =>
  new RunError(
    "not-finite",
    "The student cannot answer.",
    message,
    "Lower the learning rate, or go back to an earlier checkpoint.",
  );

// Answers in words: the teacher's, the student's before the first step, the student's now; and how many are right.
import type { RunConfig } from "../config/run";
import { exactMatch, extractAnswer, type PreparedRow, promptText, rougeL, type View } from "../data";
import type { Gpu } from "../gpu/device";
import type { StudentConfig, Teacher, Tokenizer } from "../models";
import { createGenerator, NotFiniteLogits, usablePositions } from "../student";
import type { AnswerRecord, EvaluationRecord } from "../telemetry";
import { RunError } from "./failure";
import type { Loaded } from "./load";
import { piecesOf } from "./pieces";

export interface Answers {
  compare(row: PreparedRow): Promise<Omit<AnswerRecord, "step">>;
  /** Held-out rows from the first on, as many as the config says; on the config's view of them, or another. */
  evaluate(rows: readonly PreparedRow[], view?: View): Promise<Omit<EvaluationRecord, "step">>;
  destroy(): void;
}

const EVALUATION_BATCH = 16;

/** Positions of the caches that answers are generated with. */
export const decoderLength = ({ data }: RunConfig, student: StudentConfig): number =>
  Math.min(data.maxLength, usablePositions(student));

/** Rows of the decoders that a run builds: one answer at a time, and a batch where answers are scored. */
export const decoderRows = ({ evaluation }: RunConfig): number[] =>
  evaluation.everySteps > 0 && evaluation.rows > 1 ? [1, EVALUATION_BATCH] : [1];

export function createAnswers(gpu: Gpu, loaded: Loaded, config: RunConfig): Answers {
  const { tokenizer, model, pool } = loaded;
  const limit = decoderLength(config, model.config);
  const generator = createGenerator(gpu, model, { length: limit, batch: EVALUATION_BATCH, pool });
  const own = config.data.view;
  const promptOf = ({ row }: PreparedRow, view: View = own) =>
    (view === "cot" ? row.promptCot : row.prompt) ?? row.prompt;
  const referenceOf = ({ row }: PreparedRow, view: View = own) =>
    (view === "cot" ? row.outputCot : row.output) ?? row.output;
  const fixed = new Map<PreparedRow, Promise<Pick<AnswerRecord, "teacher" | "before">>>();
  const options = { maxNewTokens: limit, stopIds: tokenizer.stopIds };
  /** As a model reads it: a conversation in its own template. */
  const asked = (reader: Tokenizer, row: PreparedRow, view: View): string =>
    view === "plain" ? promptText(reader, row.row, view) : promptOf(row, view);

  /** What does not change as the student learns: computed once per row. */
  function fixedAnswers(row: PreparedRow): Promise<Pick<AnswerRecord, "teacher" | "before">> {
    let known = fixed.get(row);
    if (!known) {
      const by = ({ tokenizer: reader, generate }: Teacher) =>
        generate(asked(reader, row, own), { maxNewTokens: limit });
      known = (async () => ({ teacher: await by(loaded.teacher), before: await by(loaded.original) }))();
      fixed.set(row, known);
    }
    return known;
  }

  const promptIds = (row: PreparedRow, view: View = own): number[] =>
    view === own
      ? [...row.student.ids.subarray(0, row.student.promptLength)]
      : tokenizer.encode(asked(tokenizer, row, view)).slice(0, config.data.maxPrompt);

  async function score(rows: readonly PreparedRow[], view: View) {
    const prompts = rows.map((row) => promptIds(row, view));
    const answers = await inWords(generator.generateBatch(prompts, options));
    const scores = rows.map((row, i) => {
      const [text, reference] = [tokenizer.decode(answers[i] ?? []), referenceOf(row, view)];
      const right = exactMatch(text, row.row.answer ?? extractAnswer(reference));
      return { right, rouge: rougeL(text, reference) };
    });
    return {
      correct: scores.filter(({ right }) => right).length,
      rougeL: scores.reduce((sum, { rouge }) => sum + rouge, 0) / Math.max(1, scores.length),
    };
  }

  const inWords = <T>(generated: Promise<T>): Promise<T> =>
    generated.catch((error: unknown) => {
      throw error instanceof NotFiniteLogits ? noAnswer(error) : error;
    });

  return {
    async compare(row) {
      const now = await inWords(generator.generate(promptIds(row), options));
      const fixedOnes = await fixedAnswers(row);
      const [teacher, before] = [fixedOnes.teacher.trim(), fixedOnes.before.trim()];
      const after = tokenizer.decode(now).trim();
      const pieces = { before: piecesOf(tokenizer, before), now: piecesOf(tokenizer, after) };
      return {
        prompt: promptOf(row),
        reference: referenceOf(row),
        ...{ teacher, before, now: after },
        ...(pieces.before && pieces.now && { pieces: { before: pieces.before, now: pieces.now } }),
      };
    },
    async evaluate(rows, view = own) {
      const chosen = rows.slice(0, config.evaluation.rows);
      return { ...(await score(chosen, view)), total: chosen.length };
    },
    destroy: () => generator.destroy(),
  };
}

const noAnswer = ({ message }: NotFiniteLogits): RunError =>
  new RunError(
    "not-finite",
    "The student cannot answer.",
    message,
    "Lower the learning rate, or go back to an earlier checkpoint.",
  );

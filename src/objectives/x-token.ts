// X-Token, METHODS §10.3: a student's mean distribution over a chunk of equal text against the teacher's, through a sparse map W
// of tokens (src/data/token-projection.ts).
//
//   loss = T²/N Σ_c ℓ_c over all N chunks of the batch
//   p_kl   ℓ_c = KL(mean log-probabilities of the teacher on its K likeliest ids ‖ the student's mean through W, on K)
//   h_kl   ℓ_c = KL on pairs that W calls one token + ‖ sorted rest, cut to the shorter ‖₁, of mean log-probabilities
import type { MethodOf } from "../config/run";
import type { PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import type { Var } from "../student";
import { recordAdd } from "../student/ops/add";
import { batchGroups, chunkRows, sideTables } from "./align/chunks";
import { coverageOfChunks } from "./align/coverage";
import { columns, otherColumns } from "./align/matched-tokens";
import {
  commonTokens,
  prepareProjection,
  PROJECTION_WIDTH,
  projectionOf,
  projectionTables,
} from "./align/projection";
import { chunksBySample } from "./by-sample";
import { recordSumTerm, rowMask } from "./distillation";
import { balanced, recordBalance, scaledTerm } from "./balance";
import { type ChunkLoss, recordMixtureDivergence } from "./ops/chunk-losses";
import { chunkMean } from "./ops/chunk-mean";
import { logSoftmax } from "./ops/log-softmax";
import { pickEntries } from "./ops/pick-entries";
import { recordProjectedKl, recordTopColumns } from "./ops/project-tokens";
import { recordSortedL1 } from "./ops/sorted-l1";
import type { Distillation, Recording, StepShape } from "./types";

type Settings = Omit<MethodOf<"x_token">, "kdRate">;

/** Below every log-probability. */
const NO_LEAST = -1e30;

const chunkCount = (batch: PairBatch): number => batchGroups(batch, batch.tokens).length;
/** Of the whole step, where the batch is a part of it. */
const chunksOf = (batch: PairBatch): number => batch.chunks ?? chunkCount(batch);

export const xToken: Distillation<Settings> = {
  id: "x_token",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  chunks: chunkCount,
  alignment: () => ({
    coverage: coverageOfChunks,
    reads: "tokens in chunks of text that both sides have",
    remedy: "ULD, DSKD-CMA and CoT2Align need no alignment of texts.",
  }),
  prepare: async (_settings, tokens, { progress, signal, vocabularyMaps: store }) => {
    const onProgress = (done: number, total: number) => progress?.("mapping tokens", done, total);
    await prepareProjection(tokens, { onProgress, signal, store });
  },
  recordTerm(settings, recording, weight) {
    const { tape, shape } = recording;
    const count = Math.min(shape.studentRows, shape.teacherRows);
    const chunkWeight = tape.b.input("x_token_weight", count);
    const square = settings.temperature ** 2;
    const balance = settings.combine === "dynamic" ? balanced(recording) : undefined;
    const student = balance?.logits ?? recording.student.logits();
    const record = settings.variant === "p_kl" ? recordProjected : recordHybrid;
    const recorded = recordSumTerm(
      recording,
      "x_token",
      weight * square,
      (scale) => {
        const losses = record(settings, recording, student, { count, weight: chunkWeight, scale });
        const total = addTotals(recording, losses);
        if (balance) recordBalance(tape, balance, total);
        const outputs = Object.fromEntries(losses.map(({ loss }, i) => [`x_token_chunks_${i}`, loss]));
        return {
          parts: { x_token: total },
          detail: {
            outputs,
            read: (values, batch) => samplesOf(values, batch, Object.keys(outputs), square),
          },
        };
      },
      (batch) => xTokenInputs(settings, shape, batch, count),
      { denominator: chunksOf },
    );
    return balance
      ? scaledTerm(recorded, balance, (batch) => square / Math.max(chunkCount(batch), 1))
      : recorded;
  },
};

interface Parts {
  readonly count: number;
  readonly weight: Tensor;
  readonly scale: Tensor;
}

function samplesOf(
  outputs: Readonly<Record<string, Float32Array>>,
  batch: PairBatch,
  names: readonly string[],
  square: number,
) {
  const chunks = batchGroups(batch, batch.tokens);
  const losses = chunks.map((_, g) => names.reduce((sum, name) => sum + (outputs[name]?.[g] ?? NaN), 0));
  return { samples: chunksBySample(batch, chunks, losses, () => square) };
}

/** (4): the first elements of all totals, summed. */
function addTotals({ tape }: Recording, losses: readonly ChunkLoss[]): Tensor {
  const [first, ...others] = losses.map(({ totals }) => totals);
  if (!first) throw new Error("X-Token recorded no loss");
  for (const a of others) recordAdd(tape.b, { a, out: first, accumulate: true });
  return first;
}

const tableInputs = ({ tape }: Recording, side: "student" | "teacher", count: number, rows: number) => ({
  chunks: tape.b.input(`x_token_${side}_chunks`, 2 * count),
  chunkOf: tape.b.input(`x_token_${side}_chunk_of`, rows),
});

function recordProjected(
  { topK, temperature }: Settings,
  recording: Recording,
  student: Var,
  { count, weight, scale }: Parts,
): ChunkLoss[] {
  const { tape, shape, teacher } = recording;
  const { b } = tape;
  const { studentRows, teacherRows, studentVocab, teacherVocab } = shape;
  const entries = studentVocab * widthOf(shape);
  const width = b.input("x_token_tokens", 4, "uniform");
  const zero = b.input("x_token_zero", 1);
  const logits = teacher.logits();
  const top = recordTopColumns(b, {
    ...{ logits, vocab: teacherVocab, labels: teacher.labels(), width, zero, top: topK },
  });
  const all = tape.constant(logits, [teacherRows, teacherVocab]);
  const kept = pickEntries(tape, all, { rows: b.input("x_token_rows", teacherRows), cols: top.ids });
  const ofTeacher = tableInputs(recording, "teacher", count, teacherRows);
  const means = chunkMean(tape, logSoftmax(tape, kept, temperature), ofTeacher);
  return [
    recordProjectedKl(tape, {
      ...{ student, teacher: means.value, temperature, weight, scale, ...top },
      ...tableInputs(recording, "student", count, studentRows),
      byRow: b.input("x_token_by_row", 2 * entries),
      starts: b.input("x_token_starts", teacherVocab + 1),
      byColumn: b.input("x_token_by_column", 2 * entries),
    }),
  ];
}

function recordHybrid(
  { temperature }: Settings,
  recording: Recording,
  student: Var,
  { count, weight, scale }: Parts,
): ChunkLoss[] {
  const { tape, shape, teacher } = recording;
  const { b } = tape;
  const { studentRows, teacherRows, studentVocab, teacherVocab } = shape;
  const logits = tape.constant(teacher.logits(), [teacherRows, teacherVocab]);
  const rows = b.input("x_token_rows", teacherRows);
  const tokens = pickEntries(tape, logits, { rows, cols: b.input("x_token_cut", teacherVocab) });
  const ofStudent = tableInputs(recording, "student", count, studentRows);
  const ofTeacher = tableInputs(recording, "teacher", count, teacherRows);
  const p = chunkMean(tape, logSoftmax(tape, student, temperature), ofStudent);
  const q = chunkMean(tape, logSoftmax(tape, tokens, temperature), ofTeacher);
  const chunk = b.input("x_token_chunk", count);
  const most = Math.min(studentVocab, teacherVocab);
  const pick = (x: Var, name: string, width: number) =>
    pickEntries(tape, x, { rows: chunk, cols: b.input(`x_token_${name}`, width) });
  const common = recordMixtureDivergence(tape, {
    student: pick(p, "student_common", most),
    teacher: pick(q, "teacher_common", most).value,
    ...{ weight, scale, beta: 0, least: NO_LEAST },
  });
  const { pairLoss, totals } = recordSortedL1(tape, {
    student: pick(p, "student_rest", studentVocab),
    teacher: pick(q, "teacher_rest", teacherVocab).value,
    ...{ teacherVocab, studentRows: chunk, teacherRows: chunk, weight, scale, logProbs: true },
    pairs: b.input("x_token_pairs", 2 * count),
    limit: b.input("x_token_ranks", 4, "uniform"),
  });
  return [common, { loss: pairLoss, totals }];
}

const widthOf = ({ projectionWidth = PROJECTION_WIDTH }: StepShape): number => Math.max(1, projectionWidth);

/** Teacher columns that are tokens; where nobody lists the tokens, all. */
function tokenCount({ tokens }: PairBatch, { teacherVocab }: StepShape): number {
  return Math.min(tokens?.teacher.size ?? teacherVocab, teacherVocab);
}

const upTo = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

function xTokenInputs(
  { variant, topK, strict }: Settings,
  shape: StepShape,
  batch: PairBatch,
  count: number,
): Record<string, InputData> {
  const { studentRows, teacherRows, studentVocab, teacherVocab } = shape;
  const groups = batchGroups(batch, batch.tokens);
  const side = (of: "student" | "teacher", rows: number) => {
    const { chunks, chunkOf } = sideTables(groups, of, { count, rows, withoutLast: false });
    return { [`x_token_${of}_chunks`]: chunks, [`x_token_${of}_chunk_of`]: chunkOf };
  };
  const data: Record<string, InputData> = {
    x_token_weight: rowMask(groups.length, count),
    x_token_rows: upTo(teacherRows),
    ...side("student", studentRows),
    ...side("teacher", teacherRows),
  };
  const w = projectionOf(batch);
  const tokens = tokenCount(batch, shape);
  if (variant === "p_kl") {
    const sizes = { rows: studentVocab, columns: teacherVocab, width: widthOf(shape) };
    const { byRow, starts, byColumn } = projectionTables(w, sizes);
    return {
      ...data,
      ...{ x_token_by_row: byRow, x_token_starts: starts, x_token_by_column: byColumn },
      ...{ x_token_tokens: Uint32Array.of(tokens, 0, 0, 0), x_token_zero: new Uint32Array(1) },
    };
  }
  const { student, teacher } = commonTokens(w, strict);
  const ranks = Math.min(studentVocab - student.length, tokens - teacher.length, topK);
  const most = Math.min(studentVocab, teacherVocab);
  const chunk = chunkRows(groups, "student", count).map((_row, g) => (g < groups.length ? g : 0xffffffff));
  return {
    ...data,
    x_token_cut: columns([...upTo(tokens)], teacherVocab),
    x_token_chunk: chunk,
    x_token_pairs: Uint32Array.from({ length: 2 * count }, (_, i) => chunk[i >> 1] ?? 0xffffffff),
    x_token_ranks: Uint32Array.of(ranks, 0, 0, 0),
    x_token_student_common: columns(student, most),
    x_token_teacher_common: columns(teacher, most),
    x_token_student_rest: otherColumns(student, studentVocab),
    x_token_teacher_rest: columns(
      [...otherColumns(teacher, tokens)].filter((id) => id < tokens),
      teacherVocab,
    ),
  };
}

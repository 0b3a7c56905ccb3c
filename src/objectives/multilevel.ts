// MultiLevelOT, METHODS §9. Both models' logits in units of their spread, p = softmax(logits / (T·(σ + 1e-4))), and of
// each sample the 50 tokens that are likeliest over its response, in that order, on either side: a_k, b_k ∈ R⁵⁰.
//
//   token      Σ_k ‖a_k − b_k‖₁ + 0.1·CE(softmax b_k, softmax a_k),   k-th position against k-th; over response tokens
//   sequence   0.1·0.001·n·⟨P, C⟩,   C_ij = ‖softmax(a_i/2) − softmax(b_j/2)‖₁,   P from exp(−C/0.1) by 10 sweeps; per sample
//
// The published plan has mass n, the student's length; ours has mass 1.
import type { MethodOf } from "../config/run";
import type { PairBatch, SideBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import { costElements, packProblems, PROBLEM_WORDS, type ProblemSize, readStatus } from "../ot";
import { NO_ROW, type Var } from "../student";
import { coverageOfPositions } from "./align/coverage";
import { recordSumTerm } from "./distillation";
import { logSoftmax } from "./ops/log-softmax";
import { pickTop, recordSequenceLevel, recordTokenLevel, zScale } from "./ops/multilevel";
import {
  batchSamples,
  type Distillation,
  joinTerms,
  type RecordedTerm,
  type Recording,
  termsOnly,
} from "./types";
import { pairedRows } from "./uld";

const TOP = 50;
const ENTROPY_WEIGHT = 0.1;
const SEQUENCE_WEIGHT = 0.1 * 0.001;
const SEQUENCE_TEMPERATURE = 2;
const EPSILON = 0.1;
const ITERATIONS = 10;

export const multilevel: Distillation<Omit<MethodOf<"multilevel">, "kdRate">> = {
  id: "multilevel",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: () => ({
    coverage: coverageOfPositions,
    reads: "tokens whose place in the response the other side has too",
    remedy:
      "Methods that align texts (GOLD, ALM, DSKD-CMA, CoT2Align) do not pair the k-th token with the k-th.",
  }),
  recordTerm({ temperature }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const top = Math.min(TOP, shape.studentVocab, shape.teacherVocab);
    const leading = (side: "student" | "teacher", logits: Var, rows: number): Var => {
      const table = (name: string, length: number) => tape.b.input(`multilevel_${side}_${name}`, length);
      const logProbs = logSoftmax(tape, zScale(tape, logits, temperature));
      return pickTop(tape, logProbs, {
        ranges: table("ranges", 2 * shape.batch),
        samples: table("samples", shape.batch),
        sampleOf: table("sample_of", rows),
        top,
      });
    };
    const a = leading("student", student.logits(), shape.studentRows);
    const t = tape.constant(teacher.logits(), [shape.teacherRows, shape.teacherVocab]);
    const b = leading("teacher", t, shape.teacherRows);
    return joinTerms([recordTokens(recording, a, b.value, weight), recordSequence(recording, a, b, weight)]);
  },
};

function recordTokens({ tape, shape }: Recording, a: Var, b: Tensor, weight: number): RecordedTerm {
  const capacity = Math.min(shape.studentRows, shape.teacherRows);
  const pairs = tape.b.input("multilevel_pairs", 2 * capacity);
  const weights = tape.b.input("multilevel_weight", capacity);
  return recordSumTerm(
    { tape },
    "multilevel_token",
    weight,
    (scale) => {
      const settings = { pairs, weight: weights, scale, entropyWeight: ENTROPY_WEIGHT };
      return { parts: { multilevel_token: recordTokenLevel(tape, { student: a, teacher: b, ...settings }) } };
    },
    (batch) => {
      const [s, t] = pairedRows(batch, capacity);
      return {
        ...sideInputs("student", batch.student, shape.batch, shape.studentRows),
        ...sideInputs("teacher", batch.teacher, shape.batch, shape.teacherRows),
        multilevel_pairs: Uint32Array.from(
          { length: 2 * capacity },
          (_, i) => (i % 2 ? t : s)[i >> 1] ?? NO_ROW,
        ),
        multilevel_weight: Float32Array.from(s, (row) => (row === NO_ROW ? 0 : 1)),
      };
    },
  );
}

function recordSequence({ tape, shape }: Recording, a: Var, b: Var, weight: number): RecordedTerm {
  const capacity = {
    problems: shape.batch,
    maxRows: shape.studentLength,
    maxCols: shape.teacherLength,
    costElements: costElements(shape.studentRows, shape.teacherLength),
    rows: shape.studentRows,
    cols: shape.teacherRows,
  };
  const state = recordSequenceLevel(tape, {
    student: logSoftmax(tape, a, SEQUENCE_TEMPERATURE),
    teacher: logSoftmax(tape, b, SEQUENCE_TEMPERATURE).value,
    problems: tape.b.input("multilevel_problems", PROBLEM_WORDS * capacity.problems),
    weights: tape.b.input("multilevel_problem_weights", capacity.problems),
    capacity,
    epsilon: EPSILON,
    iterations: ITERATIONS,
  });
  tape.b.output("multilevel_state", state);
  const weightOf = (batch: PairBatch, { n }: ProblemSize) =>
    (weight * SEQUENCE_WEIGHT * n) / batchSamples(batch);
  return {
    outputs: ["multilevel_state"],
    inputs: (batch) => {
      const sizes = problemSizes(batch, capacity.problems);
      return {
        multilevel_problems: packProblems(sizes, capacity),
        multilevel_problem_weights: Float32Array.from(sizes, (size) => weightOf(batch, size)),
      };
    },
    terms: ({ multilevel_state = new Float32Array() }, batch) => {
      const costs = problemSizes(batch, capacity.problems).map((size, p) =>
        size.n > 0 ? weightOf(batch, size) * readStatus(multilevel_state, p).cost : 0,
      );
      return termsOnly({ multilevel_sequence: costs.reduce((sum, cost) => sum + cost, 0) });
    },
  };
}

const rangeOf = ({ rowOffsets, B }: SideBatch, sample: number): readonly [number, number] =>
  sample < B ? [rowOffsets[sample] ?? 0, rowOffsets[sample + 1] ?? 0] : [0, 0];

/** Problem p is sample p: the student's rows against the teacher's. */
function problemSizes({ student, teacher }: PairBatch, count: number): ProblemSize[] {
  return Array.from({ length: count }, (_, sample) => {
    const [xOffset, xEnd] = rangeOf(student, sample);
    const [yOffset, yEnd] = rangeOf(teacher, sample);
    return { xOffset, n: xEnd - xOffset, yOffset, m: yEnd - yOffset };
  });
}

function sideInputs(
  side: "student" | "teacher",
  of: SideBatch,
  count: number,
  rows: number,
): Record<string, InputData> {
  const ranges = Array.from({ length: count }, (_, sample) => rangeOf(of, sample));
  const sampleOf = new Uint32Array(rows).fill(NO_ROW);
  ranges.forEach(([from, to], sample) => sampleOf.fill(sample, from, to));
  return {
    [`multilevel_${side}_ranges`]: Uint32Array.from(ranges.flat()),
    [`multilevel_${side}_samples`]: Uint32Array.from(ranges, ([from, to], b) => (to > from ? b : NO_ROW)),
    [`multilevel_${side}_sample_of`]: sampleOf,
  };
}

// Approximate likelihood matching, METHODS §9: both models should find each chunk of text equally likely.
//
//   l(c) = Σ_{i∈c} log p_i[x_i],   ALM = 1/B Σ_b 1/G_b Σ_c H(exp(l_T/τ), exp(l_S/τ)),   H the binary cross entropy
//
// With `debias`, l(c) gains log P(a word ends after c): a tokenizer that joins words to their spaces and one that does
// not mean different things by the same chunk. Then only chunks count where the teacher gives that end more than 1e-4.
import type { MethodOf } from "../config/run";
import type { PairBatch, TokenTable } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import { NO_ROW, type Tape, type Var } from "../student";
import { add } from "../student/ops/residual";
import { batchChunks, chunkWeights, type RowChunk, sideTables } from "./align/chunks";
import { coverageOfChunks } from "./align/coverage";
import { recordSumTerm } from "./distillation";
import { recordLikelihoodMatch } from "./ops/chunk-losses";
import { chunkSum } from "./ops/chunk-sum";
import { labelLogProb } from "./ops/log-softmax";
import { maskedLogSum, recordThresholdWeights } from "./ops/masked-log-sum";
import { batchSamples, type Distillation, type RecordedTerm, type Recording, type StepShape } from "./types";

type Side = "student" | "teacher";

const LEAST_LOG_END = Math.log(1e-4);

export const alm: Distillation<Omit<MethodOf<"alm">, "kdRate">> = {
  id: "alm",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: () => ({
    coverage: coverageOfChunks,
    reads: "tokens in chunks of text that both sides have",
    remedy: "ULD, DSKD-CMA and CoT2Align need no alignment of texts.",
  }),
  recordTerm({ temperature, debias }, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const count = chunkCount(shape);
    const s = recordSide(recording, "student", student.logits(), student.labels(), debias);
    const logits = tape.constant(teacher.logits(), [shape.teacherRows, shape.teacherVocab]);
    const t = recordSide(recording, "teacher", logits, teacher.labels(), debias);
    const all = tape.b.input("alm_weight", count);
    const weights = t.end ? recordThresholdWeights(tape.b, all, t.end.value, LEAST_LOG_END) : all;
    const term = recordSumTerm(
      recording,
      "alm",
      weight,
      (scale) => ({
        parts: {
          alm: recordLikelihoodMatch(tape, {
            ...{ student: s.likelihood, teacher: t.likelihood.value, weight: weights },
            ...{ scale, temperature },
          }).totals,
        },
      }),
      (batch) => {
        const chunks = batchChunks(batch, batch.tokens);
        return {
          ...sideInputs("student", chunks, batch, shape, debias),
          ...sideInputs("teacher", chunks, batch, shape, debias),
          alm_weight: chunkWeights(chunks, count),
        };
      },
      { denominator: batchSamples },
    );
    return t.end ? withCounts(term, tape, weights) : term;
  },
};

/** Also says how many chunks the word ends left in: those whose weight is not 0. */
function withCounts(term: RecordedTerm, { b }: Tape, weights: Tensor): RecordedTerm {
  b.output("alm_counted", weights);
  return {
    ...term,
    outputs: [...term.outputs, "alm_counted"],
    terms(outputs, batch) {
      const found = batchChunks(batch, batch.tokens).length;
      const counted = (outputs["alm_counted"] ?? new Float32Array()).subarray(0, found).filter((w) => w > 0);
      return { ...term.terms(outputs, batch), chunks: { counted: counted.length, found } };
    },
  };
}

const chunkCount = ({ studentRows, teacherRows }: StepShape): number => Math.min(studentRows, teacherRows);

/** l(c) of one side, and the part of it that is the end's. */
function recordSide(
  { tape, shape }: Recording,
  side: Side,
  logits: Var,
  labels: Tensor,
  debias: boolean,
): { readonly likelihood: Var; readonly end: Var | undefined } {
  const { b } = tape;
  const count = chunkCount(shape);
  const chunks = b.input(`alm_${side}_chunks`, 2 * count);
  const chunkOf = b.input(`alm_${side}_chunk_of`, labels.length);
  const text = chunkSum(tape, labelLogProb(tape, logits, labels), { chunks, chunkOf });
  if (!debias) return { likelihood: text, end: undefined };
  const after = b.input(`alm_${side}_after`, count);
  const ends = b.input(`alm_${side}_ends`, logits.shape[1] ?? 0);
  const end = maskedLogSum(tape, logits, after, ends);
  return { likelihood: add(tape, text, end), end };
}

function sideInputs(
  side: Side,
  chunks: readonly RowChunk[],
  batch: PairBatch,
  shape: StepShape,
  debias: boolean,
): Record<string, InputData> {
  const count = chunkCount(shape);
  const [rows, vocab] =
    side === "student" ? [shape.studentRows, shape.studentVocab] : [shape.teacherRows, shape.teacherVocab];
  const tables = sideTables(chunks, side, { count, rows, withoutLast: false });
  const data: Record<string, InputData> = {
    [`alm_${side}_chunks`]: tables.chunks,
    [`alm_${side}_chunk_of`]: tables.chunkOf,
  };
  if (!debias || !batch.tokens) return data;
  const { rowOffsets } = batch[side];
  const after = new Uint32Array(count).fill(NO_ROW); // the row that predicts what follows, if the response has it
  chunks.forEach((chunk, g) => {
    const next = chunk[side][1];
    if (next < (rowOffsets[chunk.sample + 1] ?? 0)) after[g] = next;
  });
  return { ...data, [`alm_${side}_after`]: after, [`alm_${side}_ends`]: wordEnds(batch.tokens[side], vocab) };
}

const SPACES = new Set([0x20, 0x0a, 0x0d, 0x09]);
const known = new WeakMap<TokenTable, Uint32Array>();

/** (vocab): 1 for tokens that begin with white space, or stand for no text: a word ends before them. */
function wordEnds(table: TokenTable, vocab: number): Uint32Array {
  let ends = known.get(table);
  if (!ends || ends.length !== vocab) {
    ends = new Uint32Array(vocab);
    for (let id = 0; id < Math.min(vocab, table.size); id++)
      if (table.special?.(id) || SPACES.has(table.bytes(id)[0] ?? 0)) ends[id] = 1;
    known.set(table, ends);
  }
  return ends;
}

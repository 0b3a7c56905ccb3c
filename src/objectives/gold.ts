// GOLD's distances over chunks of equal text, METHODS §9. The distribution over what a chunk g ends with:
//
//   P_g = Π_{i ∈ g without its last} max(p_i[x_i], 1e-8) · p_last        ("bayesian": each token given those before it)
//   uld      GOLD = 1/B Σ_b 1/G_b Σ_g ‖ sortdesc P_s − sortdesc P_t ‖₁
//   hybrid   GOLD = 1/B Σ_b 1/G_b Σ_g ( w_m·JSD_β(P_s[C], P_t[C]) + w_u·‖ sortdesc P_s[rest] − sortdesc P_t[rest] ‖₁ )
//
// C are the tokens that both vocabularies have (src/data/matched-tokens.ts). The merge called "observed" pairs logits with the wrong token
// (METHODS §9) and is left out.
import type { MethodOf } from "../config/run";
import { matchedTokens } from "../data";
import { batchChunks, chunkWeights, sideTables } from "./align/chunks";
import { coverageOfChunks } from "./align/coverage";
import { columns, otherColumns } from "./align/matched-tokens";
import { recordSumTerm } from "./distillation";
import { recordMixtureDivergence } from "./ops/chunk-losses";
import { chunkSum } from "./ops/chunk-sum";
import { labelLogProb, logSoftmax } from "./ops/log-softmax";
import { pickEntries } from "./ops/pick-entries";
import { recordSortedL1 } from "./ops/sorted-l1";
import { batchSamples, type Distillation, type Recording } from "./types";
import type { PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import { NO_ROW, type Var } from "../student";

type Settings = Omit<MethodOf<"gold">, "kdRate">;

const LOG_LEAST = Math.log(1e-8);

export const gold: Distillation<Settings> = {
  id: "gold",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: () => ({
    coverage: coverageOfChunks,
    reads: "tokens in chunks of text that both sides have",
    remedy: "ULD, DSKD-CMA and CoT2Align need no alignment of texts.",
  }),
  unweighted({ mode, matchedWeight, unmatchedWeight, tokenMatch }, tokens) {
    if (mode === "uld") return [];
    const rest = matchedTokens(tokens, tokenMatch).teacher.length < tokens.teacher.size;
    return [
      ...(matchedWeight === 0 ? ["gold_matched"] : []),
      ...(unmatchedWeight === 0 || !rest ? ["gold_sorted"] : []),
    ];
  },
  recordTerm(settings, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const count = Math.min(shape.studentRows, shape.teacherRows);
    const s = mergedSide(recording, "student", student.logits(), student.labels(), count);
    const t = mergedSide(
      recording,
      "teacher",
      tape.constant(teacher.logits(), [shape.teacherRows, shape.teacherVocab]),
      teacher.labels(),
      count,
    );
    return recordSumTerm(
      recording,
      "gold",
      weight,
      (scale) => ({
        parts:
          settings.mode === "uld"
            ? { gold_sorted: recordSorted(recording, s(), t(), scale, count) }
            : {
                gold_matched: recordMatched(recording, s, t, scale, settings.beta, count),
                gold_sorted: recordSorted(recording, s("rest"), t("rest"), scale, count),
              },
      }),
      (batch) => goldInputs(settings, recording, batch, count),
      { denominator: batchSamples },
    );
  },
};

type Merged = (which?: "matched" | "rest") => Var;

/** log P_g of one side, over all columns or over some. */
function mergedSide(
  { tape, shape }: Recording,
  side: "student" | "teacher",
  logits: Var,
  labels: Tensor,
  count: number,
): Merged {
  const { b } = tape;
  const vocab = side === "student" ? shape.studentVocab : shape.teacherVocab;
  const tables = {
    chunks: b.input(`gold_${side}_chunks`, 2 * count),
    chunkOf: b.input(`gold_${side}_chunk_of`, labels.length),
  };
  const last = b.input(`gold_${side}_last`, count);
  const shift = chunkSum(tape, labelLogProb(tape, logits, labels), tables, LOG_LEAST);
  const logProbs = logSoftmax(tape, logits);
  const width = { matched: Math.min(shape.studentVocab, shape.teacherVocab), rest: vocab };
  return (which) => {
    const cols = which && b.input(`gold_${side}_${which}`, width[which]);
    return pickEntries(tape, logProbs, { rows: last, cols, shift });
  };
}

function recordSorted({ tape, shape }: Recording, s: Var, t: Var, scale: Tensor, count: number): Tensor {
  const { b } = tape;
  const chunk = b.input("gold_chunk", count);
  return recordSortedL1(tape, {
    student: s,
    teacher: t.value,
    teacherVocab: shape.teacherVocab,
    studentRows: chunk,
    teacherRows: chunk,
    pairs: b.input("gold_pairs", 2 * count),
    weight: b.input("gold_sorted_weight", count),
    scale,
    logProbs: true,
  }).totals;
}

function recordMatched(
  { tape }: Recording,
  s: Merged,
  t: Merged,
  scale: Tensor,
  beta: number,
  count: number,
): Tensor {
  const weight = tape.b.input("gold_matched_weight", count);
  return recordMixtureDivergence(tape, {
    student: s("matched"),
    teacher: t("matched").value,
    weight,
    scale,
    beta,
  });
}

function goldInputs(
  { mode, matchedWeight, unmatchedWeight, tokenMatch }: Settings,
  { shape }: Recording,
  batch: PairBatch,
  count: number,
): Record<string, InputData> {
  const chunks = batchChunks(batch, batch.tokens);
  const weights = chunkWeights(chunks, count);
  const data: Record<string, InputData> = {
    gold_chunk: Uint32Array.from({ length: count }, (_, g) => (g < chunks.length ? g : NO_ROW)),
    gold_pairs: Uint32Array.from({ length: 2 * count }, (_, i) => (i >> 1 < chunks.length ? i >> 1 : NO_ROW)),
    gold_sorted_weight: weights,
  };
  for (const side of ["student", "teacher"] as const) {
    const rows = side === "student" ? shape.studentRows : shape.teacherRows;
    const tables = sideTables(chunks, side, { count, rows, withoutLast: true });
    data[`gold_${side}_chunks`] = tables.chunks;
    data[`gold_${side}_chunk_of`] = tables.chunkOf;
    data[`gold_${side}_last`] = tables.last;
  }
  if (mode === "uld" || !batch.tokens) return data;
  const matched = matchedTokens(batch.tokens, tokenMatch);
  const share = matchedWeight ?? matched.teacher.length / shape.teacherVocab;
  const width = Math.min(shape.studentVocab, shape.teacherVocab);
  return {
    ...data,
    gold_matched_weight: weights.map((w) => w * share),
    gold_sorted_weight: weights.map((w) => w * (unmatchedWeight ?? 1 - share)),
    gold_student_matched: columns(matched.student, width),
    gold_teacher_matched: columns(matched.teacher, width),
    gold_student_rest: otherColumns(matched.student, shape.studentVocab),
    gold_teacher_rest: otherColumns(matched.teacher, shape.teacherVocab),
  };
}

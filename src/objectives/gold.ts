// GOLD's distances over chunks of equal text, METHODS §9 and §10.2. The distribution over what a chunk g ends with:
//
//   P_g = Π_{i ∈ g without its last} max(p_i[x_i], 1e-8) · p_last        ("bayesian": each token given those before it)
//   uld      GOLD = 1/B Σ_b 1/G_b Σ_g ‖ sortdesc P_s − sortdesc P_t ‖₁
//   hybrid   GOLD = 1/B Σ_b 1/G_b Σ_g ( w_m·JSD_β(P_s[C], P_t[C]) + w_u·‖ sortdesc P_s[rest] − sortdesc P_t[rest] ‖₁ )
//
// C are the tokens that both vocabularies have (src/data/matched-tokens.ts). "observed" is the merge as published: it reads each token
// at its own position, one row later, where the next one is predicted; the last token of a response has no such row.
import type { MethodOf } from "../config/run";
import { matchedTokens, type PairBatch, type SideBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import { NO_ROW, type Var } from "../student";
import { batchChunks, chunkWeights, type RowChunk } from "./align/chunks";
import { coverageOfChunks } from "./align/coverage";
import { columns, otherColumns } from "./align/matched-tokens";
import { chunksBySample } from "./by-sample";
import { recordSumTerm, type TermDetail } from "./distillation";
import { recordMixtureDivergence } from "./ops/chunk-losses";
import { chunkSum } from "./ops/chunk-sum";
import { labelLogProb, logSoftmax } from "./ops/log-softmax";
import { pickEntries } from "./ops/pick-entries";
import { recordSortedL1 } from "./ops/sorted-l1";
import { batchSamples, type Distillation, type Recording, type StepShape } from "./types";

type Settings = Omit<MethodOf<"gold">, "kdRate">;
type Side = "student" | "teacher";

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
    const matched = matchedTokens(tokens, tokenMatch).teacher.length;
    return [
      ...(matchedWeight === 0 || matched === 0 ? ["gold_matched"] : []),
      ...(unmatchedWeight === 0 || matched === tokens.teacher.size || matched === tokens.student.size
        ? ["gold_sorted"]
        : []),
    ];
  },
  recordTerm(settings, recording, weight) {
    const { tape, shape, student, teacher } = recording;
    const count = Math.min(shape.studentRows, shape.teacherRows);
    const s = mergedSide(recording, "student", student.logits(), student.labels(), settings, count);
    const logits = tape.constant(teacher.logits(), [shape.teacherRows, shape.teacherVocab]);
    const t = mergedSide(recording, "teacher", logits, teacher.labels(), settings, count);
    return recordSumTerm(
      recording,
      "gold",
      weight,
      (scale) => {
        const hybrid = settings.mode === "hybrid";
        const sorted = hybrid
          ? recordSorted(recording, s("rest"), t("rest"), scale, count)
          : recordSorted(recording, s(), t(), scale, count);
        const parts = { gold_sorted: sorted.totals };
        if (!hybrid) return { parts, detail: samplesOf(settings, shape, { sorted: sorted.pairLoss }) };
        const weights = tape.b.input("gold_matched_weight", count);
        const sides = { student: s("matched"), teacher: t("matched").value };
        const { beta } = settings;
        const matched = recordMixtureDivergence(tape, { ...sides, weight: weights, scale, beta });
        const losses = { sorted: sorted.pairLoss, matched: matched.loss };
        return {
          parts: { gold_matched: matched.totals, ...parts },
          detail: samplesOf(settings, shape, losses),
        };
      },
      (batch) => goldInputs(settings, recording, batch, count),
      { denominator: batchSamples },
    );
  },
};

type Merged = (which?: "matched" | "rest") => Var;

/** log P_g of one side, over all columns or over some. */
function mergedSide(
  { tape, shape }: Recording,
  side: Side,
  logits: Var,
  labels: Tensor,
  { merge }: Settings,
  count: number,
): Merged {
  const { b } = tape;
  const vocab = side === "student" ? shape.studentVocab : shape.teacherVocab;
  const tables = {
    chunks: b.input(`gold_${side}_chunks`, 2 * count),
    chunkOf: b.input(`gold_${side}_chunk_of`, labels.length),
  };
  const at = b.input(`gold_${side}_at`, count);
  const taken = merge === "observed" ? b.input(`gold_${side}_taken`, labels.length) : labels;
  const shift = chunkSum(tape, labelLogProb(tape, logits, taken), tables, LOG_LEAST);
  const logProbs = logSoftmax(tape, logits);
  const width = { matched: Math.min(shape.studentVocab, shape.teacherVocab), rest: vocab };
  return (which) => {
    const cols = which && b.input(`gold_${side}_${which}`, width[which]);
    return pickEntries(tape, logProbs, { rows: at, cols, shift });
  };
}

function recordSorted({ tape, shape }: Recording, s: Var, t: Var, scale: Tensor, count: number) {
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
  });
}

/** The chunks as the merge reads them: "observed" has no row for a response's last token. */
function mergedChunks({ merge }: Settings, batch: PairBatch): RowChunk[] {
  const chunks = batchChunks(batch, batch.tokens);
  if (merge !== "observed") return chunks; // older settings name no merge
  const cut = ([from, to]: readonly [number, number], side: SideBatch, b: number): [number, number] => [
    from,
    Math.min(to, (side.rowOffsets[b + 1] ?? 0) - 1),
  ];
  return chunks
    .map(({ sample, student, teacher }) => ({
      sample,
      student: cut(student, batch.student, sample),
      teacher: cut(teacher, batch.teacher, sample),
    }))
    .filter(({ student: s, teacher: t }) => s[0] < s[1] && t[0] < t[1]);
}

/** One side's tables: the row of each chunk's distribution, and the rows that the tokens before or after it are read at. */
function mergedTables(
  { merge }: Settings,
  chunks: readonly RowChunk[],
  batch: SideBatch,
  side: Side,
  { count, rows }: { readonly count: number; readonly rows: number },
): Record<string, InputData> {
  const observed = merge === "observed";
  const pairs = new Uint32Array(2 * count);
  const chunkOf = new Uint32Array(rows).fill(NO_ROW);
  const at = new Uint32Array(count).fill(NO_ROW);
  chunks.forEach((chunk, g) => {
    const [from, to] = chunk[side];
    const others = observed ? ([from + 2, to + 1] as const) : ([from, to - 1] as const);
    pairs.set(others, 2 * g);
    chunkOf.fill(g, ...others);
    at[g] = observed ? from + 1 : to - 1;
  });
  const taken = new Uint32Array(rows).fill(NO_ROW);
  batch.labels.forEach((label, r) => {
    if (r + 1 < batch.labels.length) taken[r + 1] = label; // chunks do not cross samples, so no row of another is read
  });
  return {
    [`gold_${side}_chunks`]: pairs,
    [`gold_${side}_chunk_of`]: chunkOf,
    [`gold_${side}_at`]: at,
    ...(observed && { [`gold_${side}_taken`]: taken }),
  };
}

/** w_m and w_u: 0 where there is nothing to compare. */
function weightsOf(
  { mode, matchedWeight, unmatchedWeight, tokenMatch }: Settings,
  { studentVocab, teacherVocab }: StepShape,
  { tokens }: PairBatch,
) {
  if (mode === "uld" || !tokens) return { matched: 0, sorted: 1 };
  const count = matchedTokens(tokens, tokenMatch).teacher.length;
  const matched = count === 0 ? 0 : (matchedWeight ?? count / teacherVocab);
  const rest = count < studentVocab && count < teacherVocab;
  return { matched, sorted: rest ? (unmatchedWeight ?? 1 - matched) : 0 };
}

/** What each sample adds: 1/G_b Σ_g D_g. */
function samplesOf(
  settings: Settings,
  shape: StepShape,
  { sorted, matched }: { readonly sorted: Tensor; readonly matched?: Tensor },
): TermDetail {
  return {
    outputs: { gold_sorted_chunks: sorted, ...(matched && { gold_matched_chunks: matched }) },
    read({ gold_sorted_chunks, gold_matched_chunks }, batch) {
      const chunks = mergedChunks(settings, batch);
      const weights = weightsOf(settings, shape, batch);
      const losses = chunks.map(
        (_, g) =>
          weights.sorted * (gold_sorted_chunks?.[g] ?? NaN) +
          (matched ? weights.matched * (gold_matched_chunks?.[g] ?? NaN) : 0),
      );
      const share = chunkWeights(chunks, chunks.length);
      return { samples: chunksBySample(batch, chunks, losses, (g) => share[g] ?? NaN) };
    },
  };
}

function goldInputs(
  settings: Settings,
  { shape }: Recording,
  batch: PairBatch,
  count: number,
): Record<string, InputData> {
  const chunks = mergedChunks(settings, batch);
  const shares = chunkWeights(chunks, count);
  const weights = weightsOf(settings, shape, batch);
  const { studentRows, teacherRows, studentVocab, teacherVocab } = shape;
  const data: Record<string, InputData> = {
    gold_chunk: Uint32Array.from({ length: count }, (_, g) => (g < chunks.length ? g : NO_ROW)),
    gold_pairs: Uint32Array.from({ length: 2 * count }, (_, i) => (i >> 1 < chunks.length ? i >> 1 : NO_ROW)),
    gold_sorted_weight: shares.map((w) => w * weights.sorted),
    ...mergedTables(settings, chunks, batch.student, "student", { count, rows: studentRows }),
    ...mergedTables(settings, chunks, batch.teacher, "teacher", { count, rows: teacherRows }),
  };
  if (settings.mode === "uld" || !batch.tokens) return data;
  const matched = matchedTokens(batch.tokens, settings.tokenMatch);
  const width = Math.min(studentVocab, teacherVocab);
  return {
    ...data,
    gold_matched_weight: shares.map((w) => w * weights.matched),
    gold_student_matched: columns(matched.student, width),
    gold_teacher_matched: columns(matched.teacher, width),
    gold_student_rest: otherColumns(matched.student, studentVocab),
    gold_teacher_rest: otherColumns(matched.teacher, teacherVocab),
  };
}

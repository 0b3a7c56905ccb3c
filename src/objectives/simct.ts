// SimCT and its baseline, METHODS §10.4 and §10.5: a divergence over the tokens that both vocabularies have, where a group begins;
// a group that is a span (more than one token on a side) has an entry of its own beside them.
//
//   SimCT        Σ_g KL(softmax(row_s/T) ‖ softmax(row_t/T)) or the other way, row = [z_first[C], span],
//                span = mean_k z_k[x_k], or with the rows as log-probabilities Σ_k log softmax(z_k)[x_k]
//   simple CTKD  the same over groups of one equal token on either side, row = z[C]
import type { MethodOf } from "../config/run";
import { type EndPair, endsOf, type PairBatch } from "../data";
import type { InputData, Tensor } from "../gpu/program";
import type { Var } from "../student";
import { batchGroups, chunkRows, type RowChunk, sideTables } from "./align/chunks";
import { coverageOfChunks, isSingle } from "./align/coverage";
import { columns, type Overlap, overlapColumns } from "./align/matched-tokens";
import { chunksBySample } from "./by-sample";
import { recordSumTerm, type RecordedParts, rowMask } from "./distillation";
import { chunkMean } from "./ops/chunk-mean";
import { recordDivergence } from "./ops/divergence";
import { labelLogit, labelLogProb, logSoftmax } from "./ops/log-softmax";
import { pickEntries } from "./ops/pick-entries";
import type { Distillation, Recording, StepShape, TokenAlignment } from "./types";

type Simct = Omit<MethodOf<"simct">, "kdRate">;
type SimpleCtkd = Omit<MethodOf<"simple_ctkd">, "kdRate">;
type Side = "student" | "teacher";
/** Of either method. */
type Settings = Pick<Simct, "divergence" | "temperature" | "tokenMatch">;

/** Pairs of end tokens beyond the one of the two tokenizers are given, and counted in the shape. */
const END_PAIRS = 1;
/** No entry of its own: nothing after the soft-max. */
const NONE = -1e30;

export const simct: Distillation<Simct> = {
  id: "simct",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: (): TokenAlignment => ({
    coverage: coverageOfChunks,
    reads: "tokens in chunks of text that both sides have",
    remedy: "ULD, DSKD-CMA and CoT2Align need no alignment of texts.",
  }),
  recordTerm(settings, recording, weight) {
    const count = capacity(recording.shape);
    return recordSumTerm(
      recording,
      "simct",
      weight,
      (scale) => recordRows(settings, recording, "simct", scale, allGroups, settings.span),
      (batch) => {
        const groups = allGroups(batch);
        const spans = groups.map((group) => (isSingle(group) ? emptied(group) : group));
        return {
          ...rowInputs(settings, recording.shape, "simct", batch, groups),
          ...spanInputs("student", spans, count, recording.shape.studentRows),
          ...spanInputs("teacher", spans, count, recording.shape.teacherRows),
        };
      },
    );
  },
};

export const simpleCtkd: Distillation<SimpleCtkd> = {
  id: "simple_ctkd",
  needs: () => ["teacher.logits"],
  parameters: () => [],
  alignment: ({ tokenMatch }) => ({
    coverage: (view, tokens) => coverageOfChunks(view, tokens, isEqual({ ...view, tokens }, tokenMatch)),
    reads: "tokens that both sides write alike",
    remedy: "SimCT also reads chunks that the two sides cut differently.",
  }),
  recordTerm(settings, recording, weight) {
    const groupsOf = (batch: PairBatch) => allGroups(batch).filter(isEqual(batch, settings.tokenMatch));
    return recordSumTerm(
      recording,
      "simple",
      weight,
      (scale) => recordRows(settings, recording, "simple_ctkd", scale, groupsOf),
      (batch) => rowInputs(settings, recording.shape, "simple_ctkd", batch, groupsOf(batch)),
    );
  },
};

const capacity = ({ studentRows, teacherRows }: StepShape): number => Math.min(studentRows, teacherRows);

const allGroups = (batch: PairBatch): RowChunk[] => batchGroups(batch, batch.tokens);

const endsIn = ({ ends, tokens }: Pick<PairBatch, "ends" | "tokens">): readonly EndPair[] =>
  ends ?? (tokens ? endsOf(tokens) : []);

/** Whether a group is one token on either side, and the same: of both vocabularies, or a pair of ends. */
function isEqual(
  batch: Pick<PairBatch, "student" | "teacher" | "ends" | "tokens">,
  by: Settings["tokenMatch"],
): (chunk: RowChunk) => boolean {
  const { student, teacher } = overlapOf(batch, by);
  const pairs = new Set(student.map((id, j) => `${id} ${teacher[j]}`));
  for (const pair of endsIn(batch)) pairs.add(pair.join(" "));
  return (chunk) =>
    isSingle(chunk) &&
    pairs.has(`${batch.student.labels[chunk.student[0]]} ${batch.teacher.labels[chunk.teacher[0]]}`);
}

const overlapOf = (batch: Pick<PairBatch, "ends" | "tokens">, by: Settings["tokenMatch"]): Overlap =>
  batch.tokens ? overlapColumns(batch.tokens, by, endsIn(batch)) : { student: [], teacher: [], unique: 0 };

/** One row a group on each side, and their divergence. */
function recordRows(
  { divergence, temperature }: Settings,
  recording: Recording,
  name: "simct" | "simple_ctkd",
  scale: Tensor,
  groupsOf: (batch: PairBatch) => readonly RowChunk[],
  span?: Simct["span"],
): RecordedParts {
  const { tape, shape, student, teacher } = recording;
  const { b } = tape;
  const count = capacity(shape);
  const weight = b.input(`${name}_weight`, count);
  const width = overlapWidth(shape);
  const unique = width - endCapacity(shape);
  const side = (of: Side, logits: Var, labels: Tensor): Var => {
    const rows = b.input(`${name}_${of}_rows`, count);
    const cols = b.input(`${name}_${of}_cols`, width);
    if (span === undefined) return pickEntries(tape, logits, { rows, cols, unique });
    const log = span === "log_prob";
    const values = log ? labelLogProb(tape, logits, labels) : labelLogit(tape, logits, labels);
    const tables = {
      chunks: b.input(`simct_${of}_spans`, 2 * count),
      chunkOf: b.input(`simct_${of}_span_of`, labels.length),
    };
    const own = chunkMean(tape, values, tables, { sums: log, empty: NONE });
    return pickEntries(tape, log ? logSoftmax(tape, logits) : logits, { rows, cols, unique, own });
  };
  const q = tape.constant(teacher.logits(), [shape.teacherRows, shape.teacherVocab]);
  const { rowLoss, totals } = recordDivergence(tape, {
    ...{ divergence: "generalized_js", skew: divergence === "reverse_kl" ? 1 : 0, temperature },
    student: side("student", student.logits(), student.labels()),
    teacher: side("teacher", q, teacher.labels()).value,
    ...{ rowWeight: weight, scale },
  });
  const loss = `${name}_loss`;
  return {
    parts: { [name]: totals },
    detail: {
      outputs: { [loss]: rowLoss },
      read: ({ [loss]: losses = new Float32Array() }, batch) => ({
        samples: chunksBySample(batch, groupsOf(batch), losses),
      }),
    },
  };
}

const endCapacity = ({ endPairs = END_PAIRS }: StepShape): number => endPairs;
const overlapWidth = (shape: StepShape): number =>
  Math.min(shape.studentVocab, shape.teacherVocab) + endCapacity(shape);

function rowInputs(
  { tokenMatch }: Settings,
  shape: StepShape,
  name: string,
  batch: PairBatch,
  groups: readonly RowChunk[],
): Record<string, InputData> {
  const count = capacity(shape);
  const { unique, ...overlap } = overlapOf(batch, tokenMatch);
  const cols = (ids: readonly number[]) => {
    const all = columns(ids.slice(0, unique), overlapWidth(shape));
    all.set(ids.slice(unique), overlapWidth(shape) - endCapacity(shape));
    return all;
  };
  return {
    [`${name}_weight`]: rowMask(groups.length, count),
    [`${name}_student_rows`]: chunkRows(groups, "student", count),
    [`${name}_teacher_rows`]: chunkRows(groups, "teacher", count),
    [`${name}_student_cols`]: cols(overlap.student),
    [`${name}_teacher_cols`]: cols(overlap.teacher),
  };
}

const emptied = ({ sample, student, teacher }: RowChunk): RowChunk => ({
  sample,
  student: [student[0], student[0]],
  teacher: [teacher[0], teacher[0]],
});

function spanInputs(side: Side, spans: readonly RowChunk[], count: number, rows: number) {
  const { chunks, chunkOf } = sideTables(spans, side, { count, rows, withoutLast: false });
  return { [`simct_${side}_spans`]: chunks, [`simct_${side}_span_of`]: chunkOf };
}

// The distance of sorted distributions over two vocabularies: ULD and GOLD. See shaders/loss/sorted_l1.wgsl.
import floatKey from "../../../shaders/lib/float_key.wgsl?raw";
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import sortedL1 from "../../../shaders/loss/sorted_l1.wgsl?raw";
import sortedL1Backward from "../../../shaders/loss/sorted_l1_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";
import { rowBlocks } from "../../gpu/tensor";
import { recordFill } from "../../student/ops/fill";
import { indexedBlocks } from "../../student/ops/local-rows";
import { recordWeightedTotal } from "./divergence";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";
import { recordSortRows } from "./sort-rows";

const sortedL1Kernel = defineKernel({
  entry: "sorted_l1",
  code: [floatKey, sum4, sortedL1],
  bindings: {
    params: "uniform",
    limit: "uniform",
    pairs: "read",
    student_stats: "read",
    teacher_stats: "read",
    student_keys: "read",
    teacher_keys: "read",
    loss: "write",
    table: "write",
  },
});

const sortedL1BackwardKernel = defineKernel({
  entry: "sorted_l1_backward",
  code: [floatKey, sortedL1Backward],
  bindings: {
    params: "uniform",
    limit: "uniform",
    scale: "uniform",
    pairs: "read",
    weight: "read",
    student_keys: "read",
    teacher_keys: "read",
    order: "read",
    table: "read",
    dlogits: "write",
  },
});

export interface SortedL1Args {
  /** [Rs, Vs]. */
  readonly student: Var;
  /** [Rt, Vt]: a constant. */
  readonly teacher: Tensor;
  readonly teacherVocab: number;
  /** u32 (P): the rows that are compared; NO_ROW on both sides where there is no pair. A row occurs once at most. */
  readonly studentRows: Tensor;
  readonly teacherRows: Tensor;
  /** u32 (P) pairs: the same two, side by side. */
  readonly pairs: Tensor;
  /** (P): the weight of each pair in the sum. */
  readonly weight: Tensor;
  /** Both sides hold log-probabilities, not logits; then they need not sum to 1. */
  readonly logProbs?: boolean;
  /** A uniform of one u32: so many ranks count; all by default. Both sides hold −1e30 at ranks beyond their entries. */
  readonly limit?: Binding | undefined;
  readonly scale: Binding;
}

export interface RecordedSortedL1 {
  /** (P): the distance of each pair, not weighted. */
  readonly pairLoss: Tensor;
  /** (4): Σ weight·loss, Σ weight, 0, 0. */
  readonly totals: Tensor;
}

/** Σ_p weight[p] · ‖sort(softmax(s)) − sort(softmax(q))‖₁, scaled into the objective. */
export function recordSortedL1(tape: Tape, args: SortedL1Args): RecordedSortedL1 {
  const { b } = tape;
  const { student, teacher, teacherVocab, pairs, weight, scale, logProbs = false } = args;
  const limit = args.limit ?? packParams(u32(0xffffffff));
  const [rows = 0, vocab = 0] = student.shape;
  const count = args.studentRows.length;
  const stats = (values: Tensor, valueRows: number, width: number) =>
    recordSoftmaxStats(b, { values, rows: valueRows, stride: width, vocab: width });
  const studentStats = stats(student.value, rows, vocab);
  const teacherStats = stats(teacher, teacher.length / teacherVocab, teacherVocab);
  const withOrder = tape.training && student.needsGrad;
  const s = recordSortRows(b, {
    ...{ values: student.value, vocab, rows: args.studentRows },
    ...{ withOrder, tops: studentStats },
  });
  const t = recordSortRows(b, {
    ...{ values: teacher, vocab: teacherVocab, rows: args.teacherRows },
    ...{ withOrder: false, tops: teacherStats },
  });
  const params = packParams(u32(vocab), u32(teacherVocab), u32(logProbs ? 1 : 0));
  const loss = b.scratch("sorted distance", count);
  const table = b.scratch("sorted distance table", 4 * count);
  const kernel = rowKernel(sortedL1Kernel, Math.max(vocab, teacherVocab));
  const ofRows = { student_stats: studentStats, teacher_stats: teacherStats };
  for (const { of, count: some } of rowBlocks(count, s.keys, t.keys)) {
    const keys = { student_keys: of(s.keys), teacher_keys: of(t.keys) };
    const outputs = { loss: of(loss), table: of(table) };
    b.dispatch(kernel, { params, limit, pairs: of(pairs), ...ofRows, ...keys, ...outputs }, [some]);
  }

  tape.push(() => {
    const { order } = s;
    if (!student.needsGrad || !order) return;
    const { tensor: dlogits, accumulate } = tape.gradTarget(student);
    if (!accumulate) recordFill(b, dlogits, 0);
    for (const to of indexedBlocks(b, pairs, rows, dlogits))
      for (const { of, count: some } of rowBlocks(count, s.keys, t.keys, order)) {
        const keys = { student_keys: of(s.keys), teacher_keys: of(t.keys), order: of(order) };
        const ofPairs = { pairs: of(to.local), weight: of(weight), table: of(table) };
        const bindings = { params, limit, scale, ...ofPairs, ...keys, dlogits: to.of(dlogits) };
        b.dispatch(sortedL1BackwardKernel, bindings, [Math.ceil(vocab / 64), some]);
      }
  });
  return { pairLoss: loss, totals: recordWeightedTotal(b, weight, loss) };
}

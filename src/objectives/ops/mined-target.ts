// MinED's target logits in the student's vocabulary. See shaders/loss/mined_target.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import minedTarget from "../../../shaders/loss/mined_target.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import { foldGrid } from "../../student/grid";
import { indexedBlocks } from "../../student/ops/local-rows";

export const minedTargetKernel = defineKernel({
  entry: "mined_target",
  code: [flatIndex, minedTarget],
  bindings: {
    params: "uniform",
    source: "read",
    labels: "read",
    inverse: "read",
    teacher: "read",
    z: "write",
  },
});

export interface MinedTargetArgs {
  /** u32 (R): the teacher row whose distribution a student row takes; NO_ROW for the label alone. */
  readonly source: Tensor;
  readonly labels: Tensor;
  /** u32 (Vs): the teacher token behind each student token; NO_TOKEN for none. */
  readonly inverse: Tensor;
  /** [Rt, teacherVocab]. */
  readonly teacher: Tensor;
  readonly teacherVocab: number;
}

/** [R, Vs]. */
export function recordMinedTarget(b: ProgramBuilder, args: MinedTargetArgs): Tensor {
  const { source, labels, inverse, teacher, teacherVocab } = args;
  const rows = source.length;
  const vocab = inverse.length;
  const z = b.scratchRows("mined target", rows, vocab);
  for (const from of indexedBlocks(b, source, teacher.length / teacherVocab, teacher))
    for (const { of, count } of rowBlocks(rows, z)) {
      const params = packParams(u32(count), u32(vocab), u32(teacherVocab));
      const inputs = { source: of(from.local), labels: of(labels), inverse, teacher: from.of(teacher) };
      b.dispatch(minedTargetKernel, { params, ...inputs, z: of(z) }, foldGrid(count * vocab));
    }
  return z;
}

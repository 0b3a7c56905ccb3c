// mined_target — plan
//   matches the oracle   rows with a teacher row, with a label alone, with neither (padding: −1e5 throughout);
//                        student tokens that no teacher token maps to × sizes {1×1, 5×7, 67×131}
import { expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import { minedTargetKernel } from "../../src/objectives/ops/mined-target";
import { foldGrid } from "../../src/student/grid";
import { minedTarget } from "../oracle/mined";
import { NO_ROW, normals } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, GUARD, guarded } from "../support/nn-values";

test.each([
  [1, 1],
  [5, 7],
  [67, 131],
])("student vocabulary %i, teacher vocabulary %i", async (vocab, teacherVocab) => {
  const source = Uint32Array.of(2, NO_ROW, 0, NO_ROW, 1);
  const labels = Uint32Array.of(0, vocab - 1, 0, NO_ROW, 0);
  const inverse = Uint32Array.from({ length: vocab }, (_, v) =>
    v % 3 === 1 ? NO_ROW : (v * 7) % teacherVocab,
  );
  const teacher = normals(3, 3 * teacherVocab, 4);
  const rows = source.length;
  const { z } = await runKernel(minedTargetKernel, {
    inputs: {
      params: packParams(u32(rows), u32(vocab), u32(teacherVocab)),
      source,
      labels,
      inverse,
      teacher: guarded(teacher),
    },
    outputs: { z: rows * vocab + GUARD },
    grid: foldGrid(rows * vocab),
  });
  const want = minedTarget(source, labels, inverse, teacher, teacherVocab);
  expect(want[vocab + vocab - 1]).toBe(100);
  expectGuarded(z, want, { rtol: 0, atol: 0 });
});

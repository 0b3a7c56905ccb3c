// Entries of each row by columns of its own, such as the likeliest. See shaders/loss/row_columns.wgsl.
import rowColumns_ from "../../../shaders/loss/row_columns.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import type { Tape, Var } from "../../student";
import { recordFill } from "../../student/ops/fill";

const bindings = { params: "uniform", cols: "read", x: "read", out: "write" } as const;
const rowColumnsKernel = defineKernel({ entry: "row_columns", code: [rowColumns_], bindings });
const rowColumnsBackwardKernel = defineKernel({
  entry: "row_columns_backward",
  code: [rowColumns_],
  bindings,
});

/** [R, V] → [R, K]: x[r, cols[r, k]]. @param cols u32 [R, at least K]; no column twice among a row's first K. */
export function rowColumns(tape: Tape, x: Var, cols: Tensor, columns: number): Var {
  const { b } = tape;
  const [rows = 0, vocab = 0] = x.shape;
  const label = `${x.label} columns`;
  const y = tape.result(label, [rows, columns], [x], b.scratchRows(label, rows, columns));
  const params = packParams(u32(vocab), u32(columns), u32(cols.length / rows));
  const grid = (count: number) => [Math.ceil(columns / 64), count] as const;
  for (const { count, of } of rowBlocks(rows, x.value, cols, y.value))
    b.dispatch(rowColumnsKernel, { params, cols: of(cols), x: of(x.value), out: of(y.value) }, grid(count));
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(b, dx, 0);
    for (const { count, of } of rowBlocks(rows, dy, cols, dx))
      b.dispatch(rowColumnsBackwardKernel, { params, cols: of(cols), x: of(dy), out: of(dx) }, grid(count));
  });
  return y;
}

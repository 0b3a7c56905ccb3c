// Rows and columns of a matrix by index. See shaders/loss/pick_entries.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import pickEntries_ from "../../../shaders/loss/pick_entries.wgsl?raw";
import pickEntriesBackward from "../../../shaders/loss/pick_entries_backward.wgsl?raw";
import rowSums from "../../../shaders/loss/row_sums.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";
import { recordFill } from "../../student/ops/fill";

const pickEntriesKernel = defineKernel({
  entry: "pick_entries",
  code: [pickEntries_],
  bindings: { params: "uniform", rows: "read", cols: "read", shift: "read", x: "read", out: "write" },
});

const pickEntriesBackwardKernel = defineKernel({
  entry: "pick_entries_backward",
  code: [pickEntriesBackward],
  bindings: { params: "uniform", rows: "read", cols: "read", dy: "read", dx: "write" },
});

const rowSumsKernel = defineKernel({
  entry: "row_sums",
  code: [sum4, rowSums],
  bindings: { params: "uniform", rows: "read", x: "read", out: "write" },
});

export interface PickArgs {
  /** u32 (G); NO_ROW gives a row of zeros. Every other index occurs once at most. */
  readonly rows: Tensor;
  /** u32 (C); NO_ROW gives −1e30. Every other index occurs once at most. All columns when left out. */
  readonly cols?: Tensor | undefined;
  /** [G]: added to every entry of the row. */
  readonly shift?: Var | undefined;
}

/** [R, V] → [G, C]: x[rows[g], cols[j]] + shift[g]. */
export function pickEntries(tape: Tape, x: Var, { rows, cols, shift }: PickArgs): Var {
  const { b } = tape;
  const [, vocab = 0] = x.shape;
  const [count, columns] = [rows.length, cols?.length ?? vocab];
  const y = tape.result(`${x.label} entries`, [count, columns], shift ? [x, shift] : [x]);
  const params = packParams(u32(vocab), u32(columns), u32((cols ? 1 : 0) | (shift ? 2 : 0)));
  const index = { rows, cols: cols ?? rows }; // what is left out is not read
  const grid = [Math.ceil(columns / 64), count] as const;
  const inputs = { params, ...index, shift: shift?.value ?? x.value, x: x.value };
  b.dispatch(pickEntriesKernel, { ...inputs, out: y.value }, grid);
  tape.record(y, (dy) => {
    if (shift?.needsGrad) {
      const { tensor: out, accumulate } = tape.gradTarget(shift);
      b.dispatch(
        rowSumsKernel,
        { params: packParams(u32(columns), u32(accumulate ? 1 : 0)), rows, x: dy, out },
        [count],
      );
    }
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(b, dx, 0);
    b.dispatch(pickEntriesBackwardKernel, { params, ...index, dy, dx }, grid);
  });
  return y;
}

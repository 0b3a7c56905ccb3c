// Rows and columns of a matrix by index. See shaders/loss/pick_entries.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import pickEntries_ from "../../../shaders/loss/pick_entries.wgsl?raw";
import pickEntriesBackward from "../../../shaders/loss/pick_entries_backward.wgsl?raw";
import rowSums from "../../../shaders/loss/row_sums.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import type { Tape, Var } from "../../student";
import { rowBlocks } from "../../gpu/tensor";
import { recordFill } from "../../student/ops/fill";
import { indexedBlocks } from "../../student/ops/local-rows";

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
  const [total = 0, vocab = 0] = x.shape;
  const [count, columns] = [rows.length, cols?.length ?? vocab];
  const label = `${x.label} entries`;
  const value = b.scratchRows(label, count, columns);
  const y = tape.result(label, [count, columns], shift ? [x, shift] : [x], value);
  const params = packParams(u32(vocab), u32(columns), u32((cols ? 1 : 0) | (shift ? 2 : 0)));
  const common = { params, cols: cols ?? rows }; // what is left out is not read
  const grid = (rowCount: number) => [Math.ceil(columns / 64), rowCount] as const;
  for (const from of indexedBlocks(b, rows, total, x.value))
    for (const to of rowBlocks(count, y.value)) {
      const source = from.of(x.value);
      const inputs = { rows: to.of(from.local), shift: shift ? to.of(shift.value) : source, x: source };
      b.dispatch(pickEntriesKernel, { ...common, ...inputs, out: to.of(y.value) }, grid(to.count));
    }
  tape.record(y, (dy) => {
    if (shift?.needsGrad) {
      const { tensor: out, accumulate } = tape.gradTarget(shift);
      const sums = packParams(u32(columns), u32(accumulate ? 1 : 0));
      for (const { of, count: some } of rowBlocks(count, dy))
        b.dispatch(rowSumsKernel, { params: sums, rows: of(rows), x: of(dy), out: of(out) }, [some]);
    }
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(b, dx, 0);
    for (const to of indexedBlocks(b, rows, total, dx))
      for (const { of, count: some } of rowBlocks(count, dy)) {
        const bindings = { ...common, rows: of(to.local), dy: of(dy), dx: to.of(dx) };
        b.dispatch(pickEntriesBackwardKernel, bindings, grid(some));
      }
  });
  return y;
}

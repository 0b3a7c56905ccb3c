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
  bindings: {
    ...{ params: "uniform", rows: "read", cols: "read", shift: "read" },
    ...{ x: "read", own: "read", out: "write" },
  },
});

const adjoint = { params: "uniform", rows: "read", cols: "read", dy: "read", dx: "write" } as const;
const adjointKernel = (entry: string) =>
  defineKernel({ entry, code: [pickEntriesBackward], bindings: adjoint });
const pickEntriesBackwardKernel = adjointKernel("pick_entries_backward");
const pickEntriesTailKernel = adjointKernel("pick_entries_tail");
const pickOwnBackwardKernel = adjointKernel("pick_own_backward");

const rowSumsKernel = defineKernel({
  entry: "row_sums",
  code: [sum4, rowSums],
  bindings: { params: "uniform", rows: "read", x: "read", out: "write" },
});

export interface PickArgs {
  /** u32 (G); NO_ROW gives a row of zeros. Every other index occurs once at most. */
  readonly rows: Tensor;
  /** u32 (C); NO_ROW gives −1e30. All columns when left out. */
  readonly cols?: Tensor | undefined;
  /** So many of `cols` from the first on hold no index twice; all when left out. */
  readonly unique?: number | undefined;
  /** [G]: added to every entry of the row. */
  readonly shift?: Var | undefined;
  /** [G]: one column more, each row's own. */
  readonly own?: Var | undefined;
}

/** [R, V] → [G, C]: x[rows[g], cols[j]] + shift[g]; with `own` [G, C + 1]. */
export function pickEntries(tape: Tape, x: Var, { rows, cols, unique, shift, own }: PickArgs): Var {
  const { b } = tape;
  const [total = 0, vocab = 0] = x.shape;
  const [count, taken] = [rows.length, cols?.length ?? vocab];
  const columns = taken + (own ? 1 : 0);
  const label = `${x.label} entries`;
  const value = b.scratchRows(label, count, columns);
  const inputs = [x, shift, own].filter((v) => v !== undefined);
  const y = tape.result(label, [count, columns], inputs, value);
  const flags = (cols ? 1 : 0) | (shift ? 2 : 0) | (own ? 4 : 0);
  const common = { cols: cols ?? rows }; // what is left out is not read
  const params = packParams(u32(vocab), u32(columns), u32(flags));
  for (const from of indexedBlocks(b, rows, total, x.value))
    for (const to of rowBlocks(count, y.value)) {
      const source = from.of(x.value);
      const some = { shift: shift ? to.of(shift.value) : source, own: own ? to.of(own.value) : source };
      const bindings = {
        params,
        ...common,
        ...some,
        rows: to.of(from.local),
        x: source,
        out: to.of(y.value),
      };
      b.dispatch(pickEntriesKernel, bindings, [Math.ceil(columns / 64), to.count]);
    }
  tape.record(y, (dy) => {
    if (shift?.needsGrad) {
      const { tensor: out, accumulate } = tape.gradTarget(shift);
      const sums = packParams(u32(columns), u32(accumulate ? 1 : 0));
      for (const { of, count: some } of rowBlocks(count, dy))
        b.dispatch(rowSumsKernel, { params: sums, rows: of(rows), x: of(dy), out: of(out) }, [some]);
    }
    const adjoints: Adjoints = {
      tape,
      rows,
      cols: common.cols,
      dy,
      vocab,
      columns,
      flags,
      unique: unique ?? taken,
    };
    if (own?.needsGrad) recordOwn(adjoints, own);
    if (x.needsGrad) recordPicked(adjoints, x, total);
  });
  return y;
}

interface Adjoints {
  readonly tape: Tape;
  readonly rows: Tensor;
  readonly cols: Tensor;
  readonly dy: Tensor;
  readonly vocab: number;
  readonly columns: number;
  readonly flags: number;
  readonly unique: number;
}

const adjointParams = ({ vocab, columns, flags, unique }: Adjoints, count: number, accumulate: boolean) =>
  packParams(u32(vocab), u32(columns), u32(flags), u32(unique), u32(count), u32(accumulate ? 1 : 0));

function recordOwn(all: Adjoints, own: Var): void {
  const { tape, rows, cols, dy } = all;
  const { tensor: dx, accumulate } = tape.gradTarget(own);
  for (const { of, count } of rowBlocks(rows.length, dy)) {
    const bindings = { params: adjointParams(all, count, accumulate), rows: of(rows), cols, dy: of(dy) };
    tape.b.dispatch(pickOwnBackwardKernel, { ...bindings, dx: of(dx) }, [Math.ceil(count / 64)]);
  }
}

function recordPicked(all: Adjoints, x: Var, total: number): void {
  const { tape, rows, cols, dy, columns, flags, unique } = all;
  const { b } = tape;
  const { tensor: dx, accumulate } = tape.gradTarget(x);
  if (!accumulate) recordFill(b, dx, 0);
  const tail = columns - ((flags & 4) === 0 ? 0 : 1) - unique;
  for (const to of indexedBlocks(b, rows, total, dx))
    for (const { of, count } of rowBlocks(rows.length, dy)) {
      const params = adjointParams(all, count, false);
      const bindings = { params, cols, rows: of(to.local), dy: of(dy), dx: to.of(dx) };
      b.dispatch(pickEntriesBackwardKernel, bindings, [Math.ceil(columns / 64), count]);
      if (tail > 0) b.dispatch(pickEntriesTailKernel, bindings, [Math.ceil(count / 64)]);
    }
}

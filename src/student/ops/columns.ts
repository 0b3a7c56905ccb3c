// Columns: matrices joined side by side, or padded to a width. See shaders/nn/copy_columns.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import copyColumns from "../../../shaders/nn/copy_columns.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const copyColumnsKernel = defineKernel({
  entry: "copy_columns",
  code: [flatIndex, copyColumns],
  bindings: { params: "uniform", x: "read", out: "write" },
});

interface ColumnsArgs {
  readonly rows: number;
  readonly x: Tensor;
  readonly xCols: number;
  readonly out: Tensor;
  readonly outCols: number;
  readonly from: number;
  readonly to: number;
  readonly width: number;
  /** Columns outside the block become 0. */
  readonly clear: boolean;
  readonly accumulate: boolean;
}

function recordCopyColumns(b: ProgramBuilder, args: ColumnsArgs): void {
  const { rows, x, xCols, out, outCols, from, to, width, clear, accumulate } = args;
  const fields = [rows * outCols, xCols, outCols, from, to, width, clear ? 1 : 0, accumulate ? 1 : 0];
  b.dispatch(copyColumnsKernel, { params: packParams(...fields.map(u32)), x, out }, foldGrid(rows * outCols));
}

/** [x₁ x₂ …] side by side, (R, Σ Dᵢ), and zeros up to `cols`. All have R rows. */
export function joinColumns(tape: Tape, parts: readonly Var[], cols?: number): Var {
  const [rows = 0] = parts[0]?.shape ?? [];
  const widths = parts.map(({ shape: [count, width = 0] }) => {
    if (count !== rows) throw new RangeError(`columns of ${count} rows cannot stand beside ${rows} rows`);
    return width;
  });
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const total = widths.reduce((a, b) => a + b, 0);
  const outCols = cols ?? total;
  if (outCols < total) throw new RangeError(`${total} columns do not fit into ${outCols}`);
  const y = tape.result(`${parts[0]?.label ?? ""} columns`, [rows, outCols], parts);
  const block = (i: number) => ({ rows, width: widths[i] ?? 0 });
  parts.forEach(({ value: x }, i) => {
    const place = { x, xCols: widths[i] ?? 0, out: y.value, outCols, from: 0, to: starts[i] ?? 0 };
    // The first copy writes every element once; the others then fill their own block.
    recordCopyColumns(tape.b, { ...block(i), ...place, clear: i === 0, accumulate: false });
  });
  tape.record(y, (dy) => {
    parts.forEach((part, i) => {
      if (!part.needsGrad) return;
      const { tensor: out, accumulate } = tape.gradTarget(part);
      const place = { x: dy, xCols: outCols, out, outCols: widths[i] ?? 0, from: starts[i] ?? 0, to: 0 };
      recordCopyColumns(tape.b, { ...block(i), ...place, clear: false, accumulate });
    });
  });
  return y;
}

// Columns: matrices joined side by side, or padded to a width. See shaders/nn/copy_columns.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import copyColumns from "../../../shaders/nn/copy_columns.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowRanges } from "../../gpu/tensor";
import { foldGrid } from "../grid";
import type { GradTarget, Tape, Var } from "../tape";

const copyColumnsKernel = defineKernel({
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

/** Columns first … first+width−1 of x (rows, cols), as a matrix of their own. */
export function recordTakeColumns(
  b: ProgramBuilder,
  x: Tensor,
  [rows, cols]: readonly [rows: number, cols: number],
  [first, width]: readonly [first: number, width: number],
): Tensor {
  const out = b.scratch(`${x.label} ${first}…`, rows * width);
  const block = { from: first, to: 0, width, clear: false, accumulate: false };
  recordCopyColumns(b, { rows, x, xCols: cols, out, outCols: width, ...block });
  return out;
}

/** Columns first … first+width−1 of out (rows, cols) become x (rows, width), or gain it. */
export function recordPutColumns(
  b: ProgramBuilder,
  x: Tensor,
  { tensor: out, accumulate }: GradTarget,
  [rows, cols]: readonly [rows: number, cols: number],
  [first, width]: readonly [first: number, width: number],
): void {
  const block = { from: 0, to: first, width, clear: false, accumulate };
  recordCopyColumns(b, { rows, x, xCols: width, out, outCols: cols, ...block });
}

/** A tensor in one range of memory: itself, or a copy where it is split. */
export function recordJoined(b: ProgramBuilder, t: Tensor): Tensor {
  if (t.place.kind !== "split") return t;
  const out = b.scratch(`${t.label} joined`, t.length);
  const target = { tensor: out, accumulate: false };
  for (const { first, count, tensor } of rowRanges(t, 1))
    recordPutColumns(b, tensor, target, [1, t.length], [first, count]);
  return out;
}

/** The target becomes x, or gains it, whether it is split or not. */
export function recordIntoRanges(
  b: ProgramBuilder,
  x: Tensor,
  { tensor: out, accumulate }: GradTarget,
): void {
  for (const { first, count, tensor } of rowRanges(out, 1)) {
    const block = { from: first, to: 0, width: count, clear: false, accumulate };
    recordCopyColumns(b, { rows: 1, x, xCols: x.length, out: tensor, outCols: count, ...block });
  }
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

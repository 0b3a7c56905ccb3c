// linear with a weight larger than the adapter binds at once, which lies in ranges of its rows (param-layout.ts).
//
//   stored (out, in):  a range is a block of y's columns:    y[:,r] = x·W_rᵀ      dW_r = dy[:,r]ᵀ·x     dx = Σ_r dy[:,r]·W_r
//   stored (in, out):  a range is a block of x's columns:    y = Σ_r x[:,r]·W_r   dW_r = x[:,r]ᵀ·dy     dx[:,r] = dy·W_rᵀ
//
// Blocks of columns are copied out and in: products read and write whole matrices.
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowRanges } from "../../gpu/tensor";
import type { GradTarget } from "../tape";
import { recordPutColumns, recordTakeColumns } from "./columns";
import { recordMatmul } from "./matmul";

/** How a weight is stored: (out, in) as in nn.Linear, or (in, out) as in GPT-2's Conv1D. */
export type WeightLayout = "out-in" | "in-out";

/** The sizes of y (rows, cols) = x (rows, inner) · W. */
export interface LinearDims {
  readonly rows: number;
  readonly cols: number;
  readonly inner: number;
}

/** y = x·W in its layout (+ addend: a bias (cols) or a matrix like y). */
export function recordRangesForward(
  b: ProgramBuilder,
  layout: WeightLayout,
  { rows, cols, inner }: LinearDims,
  { x, w, y, addend }: { x: Tensor; w: Tensor; y: Tensor; addend: Tensor | undefined },
): void {
  if (layout === "in-out") {
    for (const { first, count, tensor } of rowRanges(w, cols)) {
      const a = recordTakeColumns(b, x, [rows, inner], [first, count]);
      const sum = first === 0 ? { addend } : { accumulate: true };
      recordMatmul(b, { layout: "nn", rows, cols, inner: count, a, b: tensor, out: y, ...sum });
    }
    return;
  }
  const addendRows = addend?.length === cols ? 1 : rows;
  for (const { first, count, tensor } of rowRanges(w, inner)) {
    const out = b.scratch(`${y.label} ${first}…`, rows * count);
    const part = addend && recordTakeColumns(b, addend, [addendRows, cols], [first, count]);
    recordMatmul(b, { layout: "nt", rows, cols: count, inner, a: x, b: tensor, out, addend: part });
    recordPutColumns(b, out, { tensor: y, accumulate: false }, [rows, cols], [first, count]);
  }
}

/** The gradients of weight and input, those that are asked for. */
export function recordRangesBackward(
  b: ProgramBuilder,
  layout: WeightLayout,
  dims: LinearDims,
  { x, w, dy }: { x: Tensor; w: Tensor; dy: Tensor },
  { dw, dx }: { dw: GradTarget | undefined; dx: GradTarget | undefined },
): void {
  const { rows, cols, inner } = dims;
  const width = layout === "out-in" ? inner : cols; // of W as it is stored
  const gradients = dw && rowRanges(dw.tensor, width);
  for (const [i, { first, count, tensor }] of rowRanges(w, width).entries()) {
    const out = gradients?.[i]?.tensor; // weight and gradient are laid out alike
    const accumulate = dw?.accumulate ?? false;
    const ofWeight = { layout: "tn", rows: count, cols: width, inner: rows, accumulate } as const;
    if (layout === "out-in") {
      const a = recordTakeColumns(b, dy, [rows, cols], [first, count]);
      if (out) recordMatmul(b, { ...ofWeight, a, b: x, out });
      if (!dx) continue;
      const sum = { out: dx.tensor, accumulate: dx.accumulate || i > 0 };
      recordMatmul(b, { layout: "nn", rows, cols: inner, inner: count, a, b: tensor, ...sum });
    } else {
      if (out)
        recordMatmul(b, {
          ...ofWeight,
          a: recordTakeColumns(b, x, [rows, inner], [first, count]),
          b: dy,
          out,
        });
      if (!dx) continue;
      const part = b.scratch(`d${x.label} ${first}…`, rows * count);
      recordMatmul(b, { layout: "nt", rows, cols: count, inner: cols, a: dy, b: tensor, out: part });
      recordPutColumns(b, part, dx, [rows, inner], [first, count]);
    }
  }
}

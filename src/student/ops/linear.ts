// linear: y = x·Wᵀ + bias, in Hugging Face's layout (W is out × in) or Conv1D's (in × out).
import columnDot from "../../../shaders/nn/column_dot.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { type RowBlock, rowBlocks } from "../../gpu/tensor";
import type { GradTarget, Tape, Var } from "../tape";
import { recordRangesBackward, recordRangesForward, type WeightLayout } from "./linear-ranges";

export type { WeightLayout };
import { recordMatmul } from "./matmul";

export const columnDotKernel = defineKernel({
  entry: "column_dot",
  code: [columnDot],
  bindings: { params: "uniform", dy: "read", x: "read", inv: "read", out: "write" },
});

/** out (+)= Σ over rows of dy, or with `scaled` of dy · x · inv. See shaders/nn/column_dot.wgsl. */
export function recordColumnDot(
  b: ProgramBuilder,
  dims: { rows: number; width: number },
  dy: Tensor,
  target: GradTarget,
  scaled?: { x: Tensor; inv: Tensor },
): void {
  const { rows, width } = dims;
  const params = packParams(u32(rows), u32(width), u32(scaled ? 1 : 0), u32(target.accumulate ? 1 : 0));
  const { x, inv } = scaled ?? { x: dy, inv: dy };
  b.dispatch(columnDotKernel, { params, dy, x, inv, out: target.tensor }, [Math.ceil(width / 8)]);
}

export interface LinearOptions {
  readonly bias?: Var | undefined;
  /** Added to the result in the same dispatch: y = residual + x·Wᵀ. Not together with a bias. */
  readonly residual?: Var | undefined;
  /** How w is stored: (out, in) as in nn.Linear, or (in, out) as in GPT-2's Conv1D. */
  readonly layout?: WeightLayout | undefined;
  /** Rows of the result may lie in ranges, where it is larger than a binding may be: logits. Without a bias. */
  readonly wide?: boolean;
}

/** x (N, K), w (M, K) or (K, M) → (N, M). */
export function linear(tape: Tape, x: Var, w: Var, options: LinearOptions = {}): Var {
  const { bias, residual, layout = "out-in", wide = false } = options;
  const stored = layout === "out-in" ? w.shape : w.shape.toReversed();
  const [rows = 0, inner = 0] = x.shape;
  const [cols = 0, wInner = 0] = stored;
  if (wInner !== inner)
    throw new RangeError(`linear "${w.label}" takes width ${wInner}, got ${inner} from "${x.label}"`);
  if (bias && residual)
    throw new RangeError(`linear "${w.label}": add the residual on its own beside a bias`);
  const inputs = [x, w, bias, residual].filter((v) => v !== undefined);
  const label = w.label.replace(/(\.weight)?$/, " output");
  const y = tape.result(
    label,
    [rows, cols],
    inputs,
    wide ? tape.b.scratchRows(label, rows, cols) : undefined,
  );
  const split = w.value.place.kind === "split";
  const [forward, back] = layout === "out-in" ? (["nt", "nn"] as const) : (["nn", "nt"] as const);
  for (const { count, of } of rowBlocks(rows, y.value)) {
    const dims = { rows: count, cols, inner };
    const addend = bias?.value ?? (residual && of(residual.value));
    const [a, out] = [of(x.value), of(y.value)];
    if (split) recordRangesForward(tape.b, layout, dims, { x: a, w: w.value, y: out, addend });
    else recordMatmul(tape.b, { layout: forward, ...dims, a, b: w.value, out, addend });
  }

  tape.record(y, (dy) => {
    if (residual) tape.passGrad(residual, dy, y);
    const blocks = rowBlocks(rows, dy);
    if (w.needsGrad && !split) recordWeightGradient(tape, { x, w, dy, layout }, blocks);
    if (bias?.needsGrad) recordColumnDot(tape.b, { rows, width: cols }, dy, tape.gradTarget(bias));
    const dx = x.needsGrad ? tape.gradTarget(x) : undefined;
    const dw = w.needsGrad && split ? tape.gradTarget(w) : undefined;
    for (const { first, count, of } of blocks) {
      const target = dx && { ...dx, tensor: of(dx.tensor) };
      const a = of(dy);
      if (split) {
        const ofWeight = dw && { ...dw, accumulate: dw.accumulate || first > 0 };
        const operands = { x: of(x.value), w: w.value, dy: a };
        recordRangesBackward(tape.b, layout, { rows: count, cols, inner }, operands, {
          dw: ofWeight,
          dx: target,
        });
      } else if (target) {
        const { tensor: out, accumulate } = target;
        const product = { rows: count, cols: inner, inner: cols, a, b: w.value };
        recordMatmul(tape.b, { layout: back, ...product, out, accumulate });
      }
    }
  });
  return y;
}

interface WeightGradient {
  readonly x: Var;
  readonly w: Var;
  readonly dy: Tensor;
  readonly layout: WeightLayout;
}

/** dW = dyᵀ·x, or its transpose xᵀ·dy where the weight is stored that way; the sum over blocks of rows. */
function recordWeightGradient(
  tape: Tape,
  { x, w, dy, layout }: WeightGradient,
  blocks: readonly RowBlock[],
): void {
  const { tensor: out, accumulate: add } = tape.gradTarget(w);
  const [rows = 0, cols = 0] = w.shape;
  for (const { first, count, of } of blocks) {
    const [a, b] = layout === "out-in" ? [of(dy), of(x.value)] : [of(x.value), of(dy)];
    const accumulate = add || first > 0;
    recordMatmul(tape.b, { layout: "tn", rows, cols, inner: count, a, b, out, accumulate });
  }
}

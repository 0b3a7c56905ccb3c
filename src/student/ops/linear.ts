// linear: y = x·Wᵀ + bias, in Hugging Face's layout (W is out × in) or Conv1D's (in × out).
import columnDot from "../../../shaders/nn/column_dot.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import type { GradTarget, Tape, Var } from "../tape";
import { recordRangesBackward, recordRangesForward } from "./linear-ranges";
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
}

export type WeightLayout = "out-in" | "in-out";

/** x (N, K), w (M, K) or (K, M) → (N, M). */
export function linear(tape: Tape, x: Var, w: Var, options: LinearOptions = {}): Var {
  const { bias, residual, layout = "out-in" } = options;
  const stored = layout === "out-in" ? w.shape : w.shape.toReversed();
  const [rows = 0, inner = 0] = x.shape;
  const [cols = 0, wInner = 0] = stored;
  if (wInner !== inner)
    throw new RangeError(`linear "${w.label}" takes width ${wInner}, got ${inner} from "${x.label}"`);
  if (bias && residual)
    throw new RangeError(`linear "${w.label}": add the residual on its own beside a bias`);
  const inputs = [x, w, bias, residual].filter((v) => v !== undefined);
  const y = tape.result(w.label.replace(/(\.weight)?$/, " output"), [rows, cols], inputs);
  const addend = (bias ?? residual)?.value;
  const dims = { rows, cols, inner };
  const split = w.value.place.kind === "split";
  const [forward, back] = layout === "out-in" ? (["nt", "nn"] as const) : (["nn", "nt"] as const);
  if (split) recordRangesForward(tape.b, layout, dims, { x: x.value, w: w.value, y: y.value, addend });
  else recordMatmul(tape.b, { layout: forward, ...dims, a: x.value, b: w.value, out: y.value, addend });

  tape.record(y, (dy) => {
    if (residual) tape.passGrad(residual, dy, y);
    if (w.needsGrad && !split) recordWeightGradient(tape, x, w, dy, layout);
    if (bias?.needsGrad) recordColumnDot(tape.b, { rows, width: cols }, dy, tape.gradTarget(bias));
    const dx = x.needsGrad ? tape.gradTarget(x) : undefined;
    if (split) {
      const dw = w.needsGrad ? tape.gradTarget(w) : undefined;
      recordRangesBackward(tape.b, layout, dims, { x: x.value, w: w.value, dy }, { dw, dx });
    } else if (dx) {
      const { tensor: out, accumulate } = dx;
      const product = { rows, cols: inner, inner: cols, a: dy, b: w.value };
      recordMatmul(tape.b, { layout: back, ...product, out, accumulate });
    }
  });
  return y;
}

/** dW = dyᵀ·x, or its transpose xᵀ·dy where the weight is stored that way. */
function recordWeightGradient(tape: Tape, x: Var, w: Var, dy: Tensor, layout: WeightLayout): void {
  const { tensor: out, accumulate } = tape.gradTarget(w);
  const [rows = 0, cols = 0] = w.shape;
  const [a, b] = layout === "out-in" ? [dy, x.value] : [x.value, dy];
  const inner = x.shape[0] ?? 0;
  recordMatmul(tape.b, { layout: "tn", rows, cols, inner, a, b, out, accumulate });
}

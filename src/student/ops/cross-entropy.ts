// Cross entropy over response rows: per-row loss, totals, and the gradient. See shaders/loss.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import rowPeak from "../../../shaders/lib/row_peak.wgsl?raw";
import crossEntropy_ from "../../../shaders/loss/cross_entropy.wgsl?raw";
import crossEntropyBackward from "../../../shaders/loss/cross_entropy_backward.wgsl?raw";
import rowTotals from "../../../shaders/loss/row_totals.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const crossEntropyKernel = defineKernel({
  entry: "cross_entropy",
  code: [rowPeak, crossEntropy_],
  bindings: { params: "uniform", labels: "read", logits: "read", loss: "write", hit: "write", lse: "write" },
});

export const crossEntropyBackwardKernel = defineKernel({
  entry: "cross_entropy_backward",
  code: [flatIndex, crossEntropyBackward],
  bindings: {
    params: "uniform",
    scale: "uniform",
    labels: "read",
    logits: "read",
    lse: "read",
    dlogits: "write",
  },
});

export const rowTotalsKernel = defineKernel({
  entry: "row_totals",
  code: [rowTotals],
  bindings: { params: "uniform", labels: "read", loss: "read", hit: "read", totals: "write" },
});

export interface CrossEntropy {
  /** (R): the loss of each row; 0 where ignored. */
  readonly rowLoss: Tensor;
  /** (R): 1 where the largest logit is the label. */
  readonly hit: Tensor;
  /** (R): log Σ exp of each row's logits. */
  readonly lse: Tensor;
  /** (4): sum of losses, hits, rows that count, 0. Unscaled. */
  readonly totals: Tensor;
}

/**
 * @param labels u32 (R); NO_ROW is ignored.
 * @param scale the factor of the summed loss in the objective: a uniform input of 4 f32 (the first counts), so that
 *   it may change from step to step, or bytes that hold for the program.
 */
export function crossEntropy(tape: Tape, logits: Var, labels: Tensor, scale: Binding): CrossEntropy {
  const { b } = tape;
  const [rows = 0, vocab = 0] = logits.shape;
  if (labels.length !== rows)
    throw new RangeError(`cross entropy needs a label for each of ${rows} rows, got ${labels.length}`);
  const out = (label: string) => b.scratch(`cross entropy ${label}`, rows);
  const [loss, hit, lse] = [out("loss"), out("hit"), out("lse")];
  const totals = b.scratch("cross entropy totals", 4);
  const params = packParams(u32(vocab));
  for (const { count, of } of rowBlocks(rows, logits.value)) {
    const ofRows = { loss: of(loss), hit: of(hit), lse: of(lse) };
    const bindings = { params, labels: of(labels), logits: of(logits.value), ...ofRows };
    b.dispatch(crossEntropyKernel, bindings, [count]);
  }
  b.dispatch(rowTotalsKernel, { params: packParams(u32(rows)), labels, loss, hit, totals }, [1]);

  tape.push(() => {
    if (!logits.needsGrad) return;
    const { tensor: dlogits, accumulate } = tape.gradTarget(logits);
    for (const { count, of } of rowBlocks(rows, logits.value, dlogits)) {
      const backward = packParams(u32(count), u32(vocab), u32(accumulate ? 1 : 0), u32(0));
      const inputs = { scale, labels: of(labels), logits: of(logits.value), lse: of(lse) };
      const bindings = { params: backward, ...inputs, dlogits: of(dlogits) };
      b.dispatch(crossEntropyBackwardKernel, bindings, foldGrid(count * vocab));
    }
  });
  return { rowLoss: loss, hit, lse, totals };
}

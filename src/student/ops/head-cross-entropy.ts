// The head and its cross entropy in one op, for vocabularies whose logits should not exist at once: stretch after
// stretch of the vocabulary gives its logits, adds to each row's running maximum and sum, and is forgotten. The
// backward pass computes the logits once more. See shaders/loss/cross_entropy_chunk.wgsl.
import rowPeak from "../../../shaders/lib/row_peak.wgsl?raw";
import chunk from "../../../shaders/loss/cross_entropy_chunk.wgsl?raw";
import finish from "../../../shaders/loss/cross_entropy_finish.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Binding, Tensor } from "../../gpu/program";
import { rowRanges, rowsOf } from "../../gpu/tensor";
import { foldGrid } from "../grid";
import type { GradTarget, Tape, Var } from "../tape";
import {
  type CrossEntropy,
  crossEntropy,
  crossEntropyBackwardKernel,
  rowTotalsKernel,
} from "./cross-entropy";
import { linear } from "./linear";
import { recordMatmul } from "./matmul";

export const crossEntropyChunkKernel = defineKernel({
  entry: "cross_entropy_chunk",
  code: [rowPeak, chunk],
  bindings: { params: "uniform", labels: "read", logits: "read", state: "write" },
});

export const crossEntropyFinishKernel = defineKernel({
  entry: "cross_entropy_finish",
  code: [finish],
  bindings: { params: "uniform", labels: "read", state: "read", loss: "write", hit: "write", lse: "write" },
});

/** Half of the memory that every WebGPU adapter binds at once; logits and their gradient take it twice. */
const LOGITS_BYTES = 64 * 2 ** 20;
/** Weight rows at which a stretch may begin, whatever the width: 64 rows are a multiple of 256 bytes. */
const ROWS = 64;
/** Below it, one odd product costs less than a second pass over the head. */
const ODD_VOCABULARY = 8192;

export interface Stretch {
  readonly first: number;
  readonly width: number;
}

/**
 * How a vocabulary is cut for R rows: one stretch where the logits fit into `bytes`, else as wide as fits. Columns
 * that are no multiple of 4 would send the whole product to a slower kernel, so a large vocabulary leaves them to a
 * stretch of their own.
 */
export function stretches(rows: number, vocab: number, bytes = LOGITS_BYTES): Stretch[] {
  const odd = vocab % 4 !== 0 && vocab >= ODD_VOCABULARY;
  const even = odd ? Math.floor(vocab / ROWS) * ROWS : vocab;
  const fits = Math.max(1, Math.floor(bytes / (4 * rows * ROWS))) * ROWS;
  const cut: Stretch[] = [];
  for (let first = 0; first < even; first += fits) cut.push({ first, width: Math.min(fits, even - first) });
  if (even < vocab) cut.push({ first: even, width: vocab - even });
  return cut;
}

/** The stretches of a head, range by range where it is split. */
function stretchesOf(w: Var, rows: number, bytes: number): Stretch[] {
  const [, inner = 0] = w.shape;
  return rowRanges(w.value, inner).flatMap((range) =>
    stretches(rows, range.count, bytes).map(({ first, width }) => ({ first: range.first + first, width })),
  );
}

/** hidden (R, D) · w (V, D)ᵀ against labels (R): as `linear` and `crossEntropy`, whatever the vocabulary's size. */
export function headCrossEntropy(
  tape: Tape,
  hidden: Var,
  w: Var,
  labels: Tensor,
  scale: Binding,
  bytes = LOGITS_BYTES,
): CrossEntropy {
  const [rows = 0, inner = 0] = hidden.shape;
  const cut = stretchesOf(w, rows, bytes);
  if (cut.length === 1) return crossEntropy(tape, linear(tape, hidden, w), labels, scale);
  if (labels.length !== rows)
    throw new RangeError(`cross entropy needs a label for each of ${rows} rows, got ${labels.length}`);

  const { b } = tape;
  const logitsOf = ({ first, width }: Stretch): Tensor => {
    const out = b.scratch(`logits ${first}…`, rows * width);
    const part = rowsOf(w.value, inner, first, width);
    recordMatmul(b, { layout: "nt", rows, cols: width, inner, a: hidden.value, b: part, out });
    return out;
  };
  const state = b.scratch("cross entropy state", 4 * rows);
  for (const stretch of cut) {
    const params = packParams(u32(stretch.width), u32(stretch.first));
    b.dispatch(crossEntropyChunkKernel, { params, labels, logits: logitsOf(stretch), state }, [rows]);
  }
  const out = (label: string) => b.scratch(`cross entropy ${label}`, rows);
  const [loss, hit, lse] = [out("loss"), out("hit"), out("lse")];
  const totals = b.scratch("cross entropy totals", 4);
  const params = packParams(u32(rows));
  b.dispatch(crossEntropyFinishKernel, { params, labels, state, loss, hit, lse }, foldGrid(rows));
  b.dispatch(rowTotalsKernel, { params, labels, loss, hit, totals }, [1]);

  tape.push(() => {
    if (!hidden.needsGrad && !w.needsGrad) return;
    const dx = hidden.needsGrad ? tape.gradTarget(hidden) : undefined;
    const dw = w.needsGrad ? tape.gradTarget(w) : undefined;
    for (const [i, stretch] of cut.entries()) {
      const { first, width } = stretch;
      const logits = logitsOf(stretch);
      const dlogits = b.scratch(`dlogits ${first}…`, rows * width);
      const backward = packParams(u32(rows), u32(width), u32(0), u32(first));
      b.dispatch(
        crossEntropyBackwardKernel,
        { params: backward, scale, labels, logits, lse, dlogits },
        foldGrid(rows * width),
      );
      const part = { dlogits, rows, width, inner, first };
      if (dx) recordHidden(tape, part, w, { ...dx, accumulate: dx.accumulate || i > 0 });
      if (dw) recordWeight(tape, part, hidden, dw);
    }
  });
  return { rowLoss: loss, hit, lse, totals };
}

interface Part extends Stretch {
  readonly dlogits: Tensor;
  readonly rows: number;
  readonly inner: number;
}

/** dx (+)= dlogits · w, of this stretch. */
function recordHidden({ b }: Tape, part: Part, w: Var, { tensor: out, accumulate }: GradTarget): void {
  const { dlogits: a, rows, width, inner, first } = part;
  const weights = rowsOf(w.value, inner, first, width);
  recordMatmul(b, { layout: "nn", rows, cols: inner, inner: width, a, b: weights, out, accumulate });
}

/** dw (+)= dlogitsᵀ · x: each stretch has its own rows of it. */
function recordWeight({ b }: Tape, part: Part, x: Var, { tensor, accumulate }: GradTarget): void {
  const { dlogits: a, rows, width, inner, first } = part;
  const out = rowsOf(tensor, inner, first, width);
  recordMatmul(b, { layout: "tn", rows: width, cols: inner, inner: rows, a, b: x.value, out, accumulate });
}

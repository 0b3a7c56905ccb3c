// Rows by index: the embedding, and gathering the response rows of a batch.
import embeddingBackward from "../../../shaders/nn/embedding_backward.wgsl?raw";
import gatherRows_ from "../../../shaders/nn/gather_rows.wgsl?raw";
import scatterRows from "../../../shaders/nn/scatter_rows.wgsl?raw";
import sortTokens from "../../../shaders/nn/sort_tokens.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { rowRanges } from "../../gpu/tensor";
import type { Tape, Var } from "../tape";
import { recordFill } from "./fill";

export const gatherRowsKernel = defineKernel({
  entry: "gather_rows",
  code: [gatherRows_],
  bindings: { params: "uniform", rows: "read", x: "read", out: "write" },
});

export const scatterRowsKernel = defineKernel({
  entry: "scatter_rows",
  code: [scatterRows],
  bindings: { params: "uniform", rows: "read", dy: "read", dx: "write" },
});

export const sortTokensKernel = defineKernel({
  entry: "sort_tokens",
  code: [sortTokens],
  bindings: { params: "uniform", ids: "read", order: "write", sorted: "write" },
});

export const embeddingBackwardKernel = defineKernel({
  entry: "embedding_backward",
  code: [embeddingBackward],
  bindings: { params: "uniform", order: "read", sorted: "read", dy: "read", dtable: "write" },
});

function gather(tape: Tape, label: string, x: Var, rows: Tensor): Var {
  const [, width = 0] = x.shape;
  const y = tape.result(label, [rows.length, width], [x]);
  for (const { first, count, tensor } of rowRanges(x.value, width)) {
    const params = packParams(u32(width), u32(first), u32(count));
    tape.b.dispatch(gatherRowsKernel, { params, rows, x: tensor, out: y.value }, [rows.length]);
  }
  return y;
}

/**
 * Rows of x (N, D) picked by index → (R, D). Index NO_ROW gives a zero row.
 * Every other index may occur at most once: the adjoint writes each row from one place.
 */
export function gatherRows(tape: Tape, x: Var, rows: Tensor): Var {
  const y = gather(tape, `${x.label} rows`, x, rows);
  const [, width = 0] = x.shape;
  tape.record(y, (dy) => {
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    if (!accumulate) recordFill(tape.b, dx, 0);
    tape.b.dispatch(scatterRowsKernel, { params: packParams(u32(width)), rows, dy, dx }, [rows.length]);
  });
  return y;
}

/** Rows of the table (V, D) by token → (N, D). Token NO_ROW gives a zero row without a gradient. */
export function embedding(tape: Tape, table: Var, ids: Tensor): Var {
  const y = gather(tape, "embedding", table, ids);
  const [, width = 0] = table.shape;
  const count = ids.length;
  tape.record(y, (dy) => {
    const { b } = tape;
    const order = b.scratch("token order", count);
    const sorted = b.scratch("sorted tokens", count);
    b.dispatch(sortTokensKernel, { params: packParams(u32(count)), ids, order, sorted }, [
      Math.ceil(count / 64),
    ]);
    const { tensor: dtable, accumulate } = tape.gradTarget(table);
    if (!accumulate) recordFill(b, dtable, 0);
    for (const range of rowRanges(dtable, width)) {
      const params = packParams(u32(count), u32(width), u32(range.first), u32(range.count));
      b.dispatch(embeddingBackwardKernel, { params, order, sorted, dy, dtable: range.tensor }, [count]);
    }
  });
  return y;
}

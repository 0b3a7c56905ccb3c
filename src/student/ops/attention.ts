// Causal attention with grouped queries, forward and backward. See shaders/nn/attention*.wgsl.
import attention_ from "../../../shaders/nn/attention.wgsl?raw";
import backwardKeyValue from "../../../shaders/nn/attention_backward_key_value.wgsl?raw";
import backwardQuery from "../../../shaders/nn/attention_backward_query.wgsl?raw";
import { defineKernel, type Grid } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import type { Tape, Var } from "../tape";

/** HEAD is a compile-time constant, so that a query's vec4s stay in registers: one pipeline per head size. */
const prelude = (headDim: number): string => `const HEAD: u32 = ${headDim / 4}u; // vec4s in a head\n`;

export const attentionKernel = (headDim: number) =>
  defineKernel({
    entry: "attention",
    code: [prelude(headDim), attention_],
    bindings: {
      params: "uniform",
      start: "read",
      q: "read",
      k: "read",
      v: "read",
      out: "write",
      lse: "write",
    },
  });

export const attentionBackwardQueryKernel = (headDim: number) =>
  defineKernel({
    entry: "attention_backward_query",
    code: [prelude(headDim), backwardQuery],
    bindings: {
      params: "uniform",
      q: "read",
      k: "read",
      v: "read",
      out: "read",
      dout: "read",
      lse: "read",
      dq: "write",
      delta: "write",
    },
  });

export const attentionBackwardKeyValueKernel = (headDim: number) =>
  defineKernel({
    entry: "attention_backward_key_value",
    code: [prelude(headDim), backwardKeyValue],
    bindings: {
      params: "uniform",
      q: "read",
      k: "read",
      v: "read",
      dout: "read",
      lse: "read",
      delta: "read",
      dk: "write",
      dv: "write",
    },
  });

export interface AttentionShape {
  readonly batch: number;
  /** T: queries in each row of the batch. */
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

const WG = 32;
export const attentionGrid = (length: number, heads: number, batch: number): Grid => [
  Math.ceil(length / WG),
  heads,
  batch,
];

export function checkAttentionShape({
  heads,
  kvHeads,
  headDim,
}: Omit<AttentionShape, "batch" | "length">): void {
  if (headDim % 4 !== 0 || headDim > 256)
    throw new RangeError(`attention needs a head size that is a multiple of 4 up to 256, got ${headDim}`);
  if (heads % kvHeads !== 0)
    throw new RangeError(`attention needs heads (${heads}) to be a multiple of kvHeads (${kvHeads})`);
}

interface AttentionBuffers {
  readonly start: Tensor;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly out: Tensor;
  readonly lse: Tensor;
}

/** The forward dispatch; `keys` is the number of key rows per batch row (T, or a cache's capacity). */
export function recordAttention(
  b: ProgramBuilder,
  shape: AttentionShape,
  keys: number,
  t: AttentionBuffers,
): void {
  checkAttentionShape(shape);
  const { batch, length, heads, kvHeads, headDim } = shape;
  const sizes = [length, keys, heads, kvHeads].map(u32);
  const params = packParams(...sizes, f32(1 / Math.sqrt(headDim)));
  b.dispatch(attentionKernel(headDim), { params, ...t }, attentionGrid(length, heads, batch));
}

/** q (B·T, H·h), k and v (B·T, G·h) → (B·T, H·h); `start` holds B zeros. Each of q, k, v must be its own Var. */
export function attention(tape: Tape, q: Var, k: Var, v: Var, shape: AttentionShape, start: Tensor): Var {
  const { b } = tape;
  const { batch, length, heads, kvHeads, headDim } = shape;
  const y = tape.result("attention", q.shape, [q, k, v]);
  const lse = b.scratch("attention lse", batch * length * heads);
  const values = { q: q.value, k: k.value, v: v.value };
  recordAttention(b, shape, length, { start, ...values, out: y.value, lse });

  tape.record(y, (dout) => {
    const delta = b.scratch("attention delta", lse.length);
    const dq = tape.gradSink(q);
    const dk = tape.gradSink(k);
    const dv = tape.gradSink(v);
    const sizes = [u32(length), u32(heads), u32(kvHeads), f32(1 / Math.sqrt(headDim))];
    const flag = (target: { accumulate: boolean }) => u32(target.accumulate ? 1 : 0);
    b.dispatch(
      attentionBackwardQueryKernel(headDim),
      { params: packParams(...sizes, flag(dq)), ...values, out: y.value, dout, lse, dq: dq.tensor, delta },
      attentionGrid(length, heads, batch),
    );
    b.dispatch(
      attentionBackwardKeyValueKernel(headDim),
      {
        params: packParams(...sizes, flag(dk), flag(dv)),
        ...values,
        dout,
        lse,
        delta,
        dk: dk.tensor,
        dv: dv.tensor,
      },
      attentionGrid(length, kvHeads, batch),
    );
  });
  return y;
}

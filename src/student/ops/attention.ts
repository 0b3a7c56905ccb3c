// Causal attention with grouped queries, over everything or a sliding window, forward and backward. See shaders/nn/attention*.wgsl.
import attention_ from "../../../shaders/nn/attention.wgsl?raw";
import backwardKeyValue from "../../../shaders/nn/attention_backward_key_value.wgsl?raw";
import backwardQuery from "../../../shaders/nn/attention_backward_query.wgsl?raw";
import tiled_ from "../../../shaders/nn/attention_tiled.wgsl?raw";
import tiledKeyValue from "../../../shaders/nn/attention_tiled_key_value.wgsl?raw";
import tiledQuery from "../../../shaders/nn/attention_tiled_query.wgsl?raw";
import subgroupBroadcast from "../../../shaders/lib/subgroup_broadcast.wgsl?raw";
import { defineKernel, type Grid, type KernelSpec } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Faster, ProgramBuilder, Tensor } from "../../gpu/program";
import { subgroupLanes } from "../../gpu/subgroups";
import type { GradTarget, Tape, Var } from "../tape";

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

/** The same passes for subgroups of `lanes`, whatever the head size. See shaders/nn/attention_tiled.wgsl. */
const tiled =
  (entry: string, code: string) =>
  <Name extends string>({ bindings }: KernelSpec<Name>, lanes: number): KernelSpec<Name> =>
    defineKernel({
      entry,
      code: ["enable subgroups;", subgroupBroadcast, code],
      bindings,
      constants: { WG: lanes },
    });

export const attentionTiled = tiled("attention_tiled", tiled_);
export const attentionTiledQuery = tiled("attention_tiled_query", tiledQuery);
export const attentionTiledKeyValue = tiled("attention_tiled_key_value", tiledKeyValue);

export interface AttentionShape {
  readonly batch: number;
  /** T: queries in each row of the batch. */
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** The factor of q·k; 1/√headDim unless told otherwise. */
  readonly scale?: number | undefined;
  /** A query sees this many keys up to its own; all unless told otherwise. */
  readonly window?: number | undefined;
}

export const attentionGrid = (length: number, heads: number, batch: number, workgroup = 32): Grid => [
  Math.ceil(length / workgroup),
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

const EVERYTHING = 0xffffffff;
const factors = ({ scale, window, headDim }: AttentionShape) =>
  [f32(scale ?? 1 / Math.sqrt(headDim)), u32(window ?? EVERYTHING)] as const;

interface AttentionBuffers {
  readonly start: Tensor;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly out: Tensor;
  readonly lse: Tensor;
}

interface Pass {
  readonly kernel: (headDim: number) => KernelSpec;
  readonly tiled: (like: KernelSpec, lanes: number) => KernelSpec;
  /** The heads that have a thread of their own: all, or those of keys and values. */
  readonly heads: number;
}

/** The tiled kernel where the device has subgroups for it. */
const whereTiled =
  ({ kernel, tiled: make, heads }: Pass, { batch, length, headDim }: AttentionShape): Faster =>
  (gpu) => {
    const lanes = subgroupLanes(gpu);
    if (lanes === 0) return undefined;
    return { spec: make(kernel(headDim), lanes), grid: attentionGrid(length, heads, batch, lanes) };
  };

/** Of `products` dot products of a head's size for each query and key that it sees. */
const flopsOf = ({ batch, length, heads, headDim }: AttentionShape, products: number): number =>
  2 * products * headDim * batch * heads * (length * (length + 1)) * 0.5;

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
  const params = packParams(...sizes, ...factors(shape), u32(headDim / 4));
  const faster = whereTiled({ kernel: attentionKernel, tiled: attentionTiled, heads }, shape);
  b.dispatch(attentionKernel(headDim), { params, ...t }, attentionGrid(length, heads, batch), {
    faster,
    flops: flopsOf(shape, 2),
  });
}

/** q (B·T, H·h), k and v (B·T, G·h) → (B·T, H·h); `start` holds B zeros. Each of q, k, v must be its own Var. */
export function attention(tape: Tape, q: Var, k: Var, v: Var, shape: AttentionShape, start: Tensor): Var {
  const { b } = tape;
  const y = tape.result("attention", q.shape, [q, k, v]);
  const lse = b.scratch("attention lse", shape.batch * shape.length * shape.heads);
  const values = { q: q.value, k: k.value, v: v.value };
  recordAttention(b, shape, shape.length, { start, ...values, out: y.value, lse });
  tape.record(y, (dout) => {
    const targets = { dq: tape.gradSink(q), dk: tape.gradSink(k), dv: tape.gradSink(v) };
    recordAttentionBackward(b, shape, { ...values, out: y.value, dout, lse }, targets);
  });
  return y;
}

type Gradients = Readonly<Record<"dq" | "dk" | "dv", GradTarget>>;

function recordAttentionBackward(
  b: ProgramBuilder,
  shape: AttentionShape,
  t: Omit<AttentionBuffers, "start"> & { readonly dout: Tensor },
  { dq, dk, dv }: Gradients,
): void {
  const { batch, length, heads, kvHeads, headDim } = shape;
  const delta = b.scratch("attention delta", t.lse.length);
  const sizes = [u32(length), u32(heads), u32(kvHeads), ...factors(shape)];
  const flag = (target: GradTarget) => u32(target.accumulate ? 1 : 0);
  const head = u32(headDim / 4);
  const query = { kernel: attentionBackwardQueryKernel, tiled: attentionTiledQuery, heads };
  b.dispatch(
    attentionBackwardQueryKernel(headDim),
    { ...t, params: packParams(...sizes, flag(dq), head), dq: dq.tensor, delta },
    attentionGrid(length, heads, batch),
    { faster: whereTiled(query, shape), flops: flopsOf(shape, 3) },
  );
  const keyValue = {
    kernel: attentionBackwardKeyValueKernel,
    tiled: attentionTiledKeyValue,
    heads: kvHeads,
  };
  const params = packParams(...sizes, flag(dk), flag(dv), head);
  b.dispatch(
    attentionBackwardKeyValueKernel(headDim),
    { ...t, params, delta, dk: dk.tensor, dv: dv.tensor },
    attentionGrid(length, kvHeads, batch),
    { faster: whereTiled(keyValue, shape), flops: flopsOf(shape, 4) },
  );
}

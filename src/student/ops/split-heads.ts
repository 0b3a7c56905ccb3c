// split_heads and its adjoint merge_heads: a fused query-key-value projection. See shaders/nn/split_heads.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import mergeHeads from "../../../shaders/nn/merge_heads.wgsl?raw";
import splitHeads_ from "../../../shaders/nn/split_heads.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";
import { recordFill } from "./fill";

export const splitHeadsKernel = defineKernel({
  entry: "split_heads",
  code: [flatIndex, splitHeads_],
  bindings: { params: "uniform", x: "read", q: "write", k: "write", v: "write" },
});

export const mergeHeadsKernel = defineKernel({
  entry: "merge_heads",
  code: [flatIndex, mergeHeads],
  bindings: { params: "uniform", dq: "read", dk: "read", dv: "read", dx: "write" },
});

export interface SplitHeads {
  readonly heads: number;
  readonly headDim: number;
  /** False: all queries, all keys, all values (GPT-2). True: head by head its query, key, value (GPT-NeoX). */
  readonly interleaved: boolean;
}

export const splitHeadsParams = (
  rows: number,
  { heads, headDim, interleaved }: SplitHeads,
  ...rest: readonly ReturnType<typeof u32>[]
): ArrayBuffer => {
  const width = heads * headDim;
  return packParams(u32(rows * width), u32(width), u32(headDim), u32(interleaved ? 1 : 0), ...rest);
};

/** x (N, 3·H·h) → queries, keys and values, each (N, H·h). */
export function splitHeads(tape: Tape, x: Var, args: SplitHeads): readonly [q: Var, k: Var, v: Var] {
  const { b } = tape;
  const [rows = 0, columns = 0] = x.shape;
  const width = args.heads * args.headDim;
  if (columns !== 3 * width)
    throw new RangeError(
      `"${x.label}" is ${columns} wide; three times ${args.heads} heads need ${3 * width}`,
    );
  const part = (name: string) => tape.result(`${x.label} ${name}`, [rows, width], [x]);
  const [q, k, v] = [part("queries"), part("keys"), part("values")];
  const grid = foldGrid(rows * width);
  const parts = { q: q.value, k: k.value, v: v.value };
  b.dispatch(splitHeadsKernel, { params: splitHeadsParams(rows, args), x: x.value, ...parts }, grid);

  tape.push(() => {
    if (!x.needsGrad || ![q, k, v].some((p) => p.grad)) return;
    const gradient = (p: Var): Tensor => {
      if (!p.grad) recordFill(b, tape.gradTarget(p).tensor, 0); // nothing has used this part
      return p.grad!; // gradTarget made it
    };
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const params = splitHeadsParams(rows, args, u32(accumulate ? 1 : 0));
    b.dispatch(mergeHeadsKernel, { params, dq: gradient(q), dk: gradient(k), dv: gradient(v), dx }, grid);
  });
  return [q, k, v];
}

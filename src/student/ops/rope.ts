// rope: rotary positions. See shaders/nn/rope.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import rope_ from "../../../shaders/nn/rope.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";

export const ropeKernel = defineKernel({
  entry: "rope",
  code: [flatIndex, rope_],
  bindings: { params: "uniform", start: "read", table: "read", x: "read", y: "write" },
});

/**
 * (cos, sin) pairs of every position, (positions, frequencies, 2), in the f32 arithmetic of Hugging Face.
 *
 * @param scale multiplies both: YaRN's attention factor.
 */
export function ropeTable(positions: number, frequencies: Float32Array, scale = 1): Float32Array {
  const half = frequencies.length;
  const table = new Float32Array(positions * half * 2);
  for (let i = 0; i < half; i++) {
    const frequency = frequencies[i] ?? 0;
    for (let p = 0; p < positions; p++) {
      const angle = Math.fround(p * frequency);
      table[(p * half + i) * 2] = scale * Math.cos(angle);
      table[(p * half + i) * 2 + 1] = scale * Math.sin(angle);
    }
  }
  return table;
}

export interface RopeArgs {
  /** T: tokens in each row of the batch. */
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
  /** r: how many values of each head are rotated; the whole head unless told otherwise. */
  readonly rotary?: number;
  /** ropeTable's values. */
  readonly table: Tensor;
  /** u32 (B): the position of each row's first token. */
  readonly start: Tensor;
}

export function ropeParams(
  pairs: number,
  args: Omit<RopeArgs, "table" | "start">,
  sign: number,
  accumulate: boolean,
) {
  const { length, heads, headDim, rotary = headDim } = args;
  return packParams(
    u32(pairs),
    u32(length),
    u32(heads),
    u32(headDim),
    u32(rotary / 2),
    f32(sign),
    u32(accumulate ? 1 : 0),
  );
}

/** x (B·T, H·h) with its heads rotated by position. */
export function rope(tape: Tape, x: Var, args: RopeArgs): Var {
  const { table, start } = args;
  const y = tape.result(`${x.label} rotated`, x.shape, [x]);
  const pairs = x.value.length / 2;
  const grid = foldGrid(pairs);
  tape.b.dispatch(
    ropeKernel,
    { params: ropeParams(pairs, args, 1, false), start, table, x: x.value, y: y.value },
    grid,
  );
  tape.record(y, (dy) => {
    const { tensor, accumulate } = tape.gradTarget(x);
    const params = ropeParams(pairs, args, -1, accumulate);
    tape.b.dispatch(ropeKernel, { params, start, table, x: dy, y: tensor }, grid);
  });
  return y;
}

// matmul: the one matrix product, in the three layouts a linear layer needs, in the form that suits the device. A weight
// gradient's few outputs with a long inner sum are split along that sum on hardware, which would else stand idle.
import type { Faster, ProgramBuilder } from "../../gpu/program";
import { subgroupLanes } from "../../gpu/subgroups";
import { onHardware, onSoftware } from "../hardware";
import { matmulChoice } from "./matmul-choice";
import { type Matmul, type MatmulDims, matmulForm, matmulKernel, matmulParams } from "./matmul-forms";
import { recordSumParts } from "./sum-parts";

/** Generation's products: tiles would be all but empty, and 4×4 blocks in registers are 1.7 times as fast. */
const FEW_ROWS = 4;

/** out (+)= product of a and b in the given layout (+ addend). */
export function recordMatmul(builder: ProgramBuilder, m: Matmul): void {
  const { rows, cols, a, b, out, addend } = m;
  const addendRow = addend && (addend.length === cols && rows > 1 ? 0 : cols);
  const params = matmulParams(m, addendRow);
  const grid = [Math.ceil(cols / 32), Math.ceil(rows / 32)] as const;
  const chunk = addend ? undefined : innerChunk(m);
  const options = {
    faster: fasterForm(m),
    flops: flopsOf(m),
    only: chunk === undefined ? undefined : onSoftware,
  };
  builder.dispatch(matmulKernel, { params, a, b, addend: addend ?? a, out }, grid, options);
  if (chunk !== undefined) recordInParts(builder, m, chunk);
}

const flopsOf = ({ rows, cols, inner }: MatmulDims): number => 2 * rows * cols * inner;

const fasterForm =
  (m: MatmulDims, parts = 1): Faster =>
  (gpu) => {
    if (m.rows <= FEW_ROWS) return undefined;
    const lanes = subgroupLanes(gpu);
    const { first, otherwise } = matmulChoice(gpu);
    return matmulForm(first, m, lanes, parts) ?? matmulForm(otherwise, m, lanes, parts);
  };

/** Outputs of a workgroup, about, whichever the form; and workgroups that keep a large card busy. */
const TILE = 2048;
const WORKGROUPS = 1024;
/** Shorter sums are not worth a second dispatch. */
const LEAST_CHUNK = 64;
/** Elements of all parts together. */
const MOST_PARTIALS = 2 ** 21;

/** How long a part of the inner sum is; undefined where the product is better left whole. */
export function innerChunk({ layout, rows, cols, inner }: MatmulDims): number | undefined {
  if (layout !== "tn") return undefined;
  const outputs = rows * cols;
  const wanted = Math.floor(WORKGROUPS / Math.ceil(outputs / TILE));
  const parts = Math.min(wanted, Math.floor(inner / LEAST_CHUNK), Math.floor(MOST_PARTIALS / outputs));
  if (parts < 2) return undefined;
  const chunk = Math.ceil(inner / parts);
  return chunk + (chunk % 2); // kernels take two k at a time
}

/** The parts' products in one dispatch, their sum in another: in a fixed order, so that a run repeats to the bit. */
function recordInParts(builder: ProgramBuilder, m: Matmul, chunk: number): void {
  const { rows, cols, inner, a, b, out, accumulate = false } = m;
  const parts = Math.ceil(inner / chunk);
  const partial = builder.scratch(`${out.label} parts`, parts * rows * cols);
  const params = matmulParams({ ...m, accumulate: false }, undefined, chunk);
  const grid = [Math.ceil(cols / 32), Math.ceil(rows / 32), parts] as const;
  const options = { faster: fasterForm(m, parts), flops: flopsOf(m), only: onHardware };
  builder.dispatch(matmulKernel, { params, a, b, addend: a, out: partial }, grid, options);
  recordSumParts(builder, partial, { out, accumulate }, { only: onHardware });
}

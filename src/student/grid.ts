// Grids for kernels with one thread per element, and the numbers that mean "no row".
import type { Grid } from "../gpu/kernel";

/** A row index or label that stands for padding. */
export const NO_ROW = 0xffffffff;

const MAX_X = 32768;

/** One workgroup per row, folded likewise: kernels recover the row as y·X + x and return past the last. */
export const foldRows = (rows: number): Grid => foldGrid(rows, 1);

/** A one-dimensional grid folded into two where WebGPU's 65535 would not do; see shaders/lib/flat_index.wgsl. */
export function foldGrid(elements: number, workgroup = 64): Grid {
  const groups = Math.ceil(elements / workgroup);
  return groups <= MAX_X ? [groups] : [MAX_X, Math.ceil(groups / MAX_X)];
}

/**
 * Threads for a row of `width` values that sums them together: 8 values a thread, within 8 and 64 threads. On
 * lavapipe 64 threads for a row of 64 took four times as long as 8.
 */
export const rowWorkgroup = (width: number): number =>
  Math.min(64, Math.max(8, 2 ** Math.ceil(Math.log2(width / 8))));

// Rows in descending order: a segmented radix sort without readback, for vocabularies up to 262144.
// See shaders/loss/radix_scatter.wgsl.
import floatKey from "../../../shaders/lib/float_key.wgsl?raw";
import radixBlock from "../../../shaders/loss/radix_block.wgsl?raw";
import radixCount from "../../../shaders/loss/radix_count.wgsl?raw";
import radixScan from "../../../shaders/loss/radix_scan.wgsl?raw";
import radixScatter from "../../../shaders/loss/radix_scatter.wgsl?raw";
import sortKeys from "../../../shaders/loss/sort_keys.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import { indexedBlocks } from "../../student/ops/local-rows";

const sortKeysKernel = defineKernel({
  entry: "sort_keys",
  code: [floatKey, sortKeys],
  bindings: { params: "uniform", rows: "read", x: "read", keys: "write" },
});

const radixCountKernel = defineKernel({
  entry: "radix_count",
  code: [floatKey, radixBlock, radixCount],
  bindings: { params: "uniform", rows: "read", keys: "read", tops: "read", counts: "write" },
});

const radixScanKernel = defineKernel({
  entry: "radix_scan",
  code: [radixScan],
  bindings: { params: "uniform", rows: "read", counts: "write" },
});

const radixScatterKernel = defineKernel({
  entry: "radix_scatter",
  code: [floatKey, radixBlock, radixScatter],
  bindings: {
    params: "uniform",
    rows: "read",
    counts: "read",
    tops: "read",
    keys: "read",
    order: "read",
    sorted: "write",
    sorted_order: "write",
  },
});

const DIGIT_BITS = 6;
const BINS = 1 << DIGIT_BITS;
const BLOCK = 2048;
const KEY_BITS = 32;

/** What `tops` tells values apart by: 2⁻¹⁸, about 4e-6. */
export const QUANTUM = 2 ** -18;
const QUANTIZED_BITS = 24;

/** The largest vocabulary: Gemma's. Beyond it nothing is known to fail, but nothing is tested. */
export const MAX_SORTED = 262144;

export interface SortArgs {
  /** [R, vocab]. */
  readonly values: Tensor;
  readonly vocab: number;
  /** u32 (P): the row of `values` that each sorted row holds; NO_ROW is skipped. */
  readonly rows: Tensor;
  /** Whether to keep where each entry came from. */
  readonly withOrder: boolean;
  /**
   * (R) pairs whose first is each row's largest value (see recordSoftmaxStats). Given, values are told apart in steps
   * of QUANTUM and not further than 64 below the largest: four passes in place of six, for logits, whose differences
   * f32 rounds to about as much, and whose probabilities beyond are below 1e-27.
   */
  readonly tops?: Tensor | undefined;
}

export interface SortedRows {
  /** u32 (P, vocab): ~float_key of the values, ascending, so the values descend. See shaders/lib/float_key.wgsl. */
  readonly keys: Tensor;
  /** u32 (P, vocab): column of each sorted entry; equal values stay in the order of their columns. */
  readonly order: Tensor | undefined;
}

export function recordSortRows(
  b: ProgramBuilder,
  { values, vocab, rows, withOrder, tops }: SortArgs,
): SortedRows {
  if (vocab > MAX_SORTED)
    throw new RangeError(`sorting takes rows of at most ${MAX_SORTED} entries, got ${vocab}`);
  const count = rows.length;
  const blocks = Math.ceil(vocab / BLOCK);
  const like = (label: string) => b.scratchRows(`${values.label} ${label}`, count, vocab);
  const counts = b.scratch(`${values.label} digits`, count * BINS * blocks);
  let keys = like("keys");
  let order: Tensor | undefined;
  const unused = withOrder ? undefined : b.scratch(`${values.label} no order`, 1);
  const params = packParams(u32(vocab));
  const ranges = rowBlocks(count, keys);
  for (const from of indexedBlocks(b, rows, values.length / vocab, values))
    for (const { of, count: some } of ranges) {
      const bindings = { params, rows: of(from.local), x: from.of(values), keys: of(keys) };
      b.dispatch(sortKeysKernel, bindings, [Math.ceil(vocab / 64), some]);
    }
  for (let shift = 0; shift < (tops ? QUANTIZED_BITS : KEY_BITS); shift += DIGIT_BITS) {
    const flags = (withOrder ? 1 : 0) | (order ? 0 : 2);
    const pass = packParams(u32(vocab), u32(blocks), u32(shift), u32(flags), f32(tops ? 1 / QUANTUM : 0));
    const sorted = like("sorted keys");
    const sortedOrder = unused ?? like("order");
    for (const { of, count: some } of ranges) {
      const inputs = { rows: of(rows), keys: of(keys), tops: tops ?? of(keys), counts: of(counts) };
      b.dispatch(radixCountKernel, { params: pass, ...inputs }, [blocks, some]);
      const scan = { params: packParams(u32(BINS * blocks)), rows: of(rows), counts: of(counts) };
      b.dispatch(radixScanKernel, scan, [some]);
      const outputs = { sorted: of(sorted), sorted_order: withOrder ? of(sortedOrder) : sortedOrder };
      const scatter = { params: pass, ...inputs, order: of(order ?? keys), ...outputs };
      b.dispatch(radixScatterKernel, scatter, [blocks, some]);
    }
    keys = sorted;
    if (withOrder) order = sortedOrder;
  }
  return { keys, order };
}

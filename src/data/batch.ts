// Batches: ragged sequences padded on the right, and the response rows R gathered in sample order (METHODS.md §0).

import { DataError } from "./errors";
import { responseLength, type Sequence } from "./encode";

/** One side of a batch. */
export interface SideBatch {
  readonly B: number;
  readonly T: number;
  /** Inputs x[:-1], [B,T]; padding is padId. */
  readonly ids: Int32Array;
  /** 1 where `ids` is real, [B,T]. */
  readonly mask: Uint8Array;
  /** Inputs per sample, [B]. */
  readonly lengths: Int32Array;
  /** b·T + p of each response position p, in sample order, [R]. */
  readonly rows: Uint32Array;
  /** The token each of them predicts, x[p+1], [R]. */
  readonly labels: Int32Array;
  /** Sample b owns rows rowOffsets[b] to rowOffsets[b+1], [B+1]. */
  readonly rowOffsets: Uint32Array;
}

export interface PairBatch {
  readonly student: SideBatch;
  readonly teacher: SideBatch;
  readonly rowIndices: readonly number[];
}

/** `T` defaults to the longest input; a larger one (see bucketLength) adds padding. */
export function makeSideBatch(seqs: readonly Sequence[], padId: number, T?: number): SideBatch {
  if (seqs.length === 0) throw new DataError("a batch needs at least one sequence");
  const lengths = Int32Array.from(seqs, ({ ids }) => ids.length - 1);
  const longest = lengths.reduce((max, n) => Math.max(max, n), 0);
  const width = T ?? longest;
  if (width < longest)
    throw new RangeError(`the batch is ${width} wide, but a sequence has ${longest} inputs`);
  const ids = new Int32Array(seqs.length * width).fill(padId);
  const mask = new Uint8Array(ids.length);
  const rowOffsets = new Uint32Array(seqs.length + 1);
  for (const [b, seq] of seqs.entries()) {
    if (seq.promptLength < 1 || responseLength(seq) < 1) {
      throw new RangeError(
        `sequence ${b} needs a prompt and a response, got ${seq.promptLength} + ${responseLength(seq)}`,
      );
    }
    ids.set(seq.ids.subarray(0, -1), b * width);
    mask.fill(1, b * width, b * width + seq.ids.length - 1);
    rowOffsets[b + 1] = (rowOffsets[b] ?? 0) + responseLength(seq);
  }
  return { B: seqs.length, T: width, ids, mask, lengths, rowOffsets, ...gather(seqs, width, rowOffsets) };
}

function gather(
  seqs: readonly Sequence[],
  width: number,
  rowOffsets: Uint32Array,
): Pick<SideBatch, "rows" | "labels"> {
  const total = rowOffsets[seqs.length] ?? 0;
  const rows = new Uint32Array(total);
  const labels = new Int32Array(total);
  let r = 0;
  for (const [b, { ids, promptLength }] of seqs.entries()) {
    for (let p = promptLength - 1; p < ids.length - 1; p++, r++) {
      rows[r] = b * width + p;
      labels[r] = ids[p + 1] ?? 0;
    }
  }
  return { rows, labels };
}

/** The next multiple of `multiple`: few widths mean few programs to record and shaders to compile. */
export function bucketLength(n: number, multiple = 16): number {
  if (!(multiple >= 1)) throw new RangeError(`buckets are multiples of a number from 1, got ${multiple}`);
  return Math.max(1, Math.ceil(n / multiple)) * multiple;
}

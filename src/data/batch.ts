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

/** Both sides of one view of a batch. */
export interface ViewBatch {
  readonly student: SideBatch;
  readonly teacher: SideBatch;
  /**
   * Chunks of equal text that are given, not aligned by the tokens' bytes: per sample [s0, s1, t0, t1], half-open
   * ranges over its response rows on either side.
   */
  readonly groups?: readonly (readonly Group[])[];
}

/** A student's and a teacher's token that end texts: they count as one, however they are written. */
export type EndPair = readonly [student: number, teacher: number];

/** A chunk of equal text, [s0, s1, t0, t1]: half-open ranges over one sample's response tokens on either side. */
export type Group = readonly [s0: number, s1: number, t0: number, t1: number];

/** A sparse map from one vocabulary to another: which teacher tokens a student token stands for, and how much of each. */
export interface TokenProjection {
  /** Entries of each row. */
  readonly width: number;
  /** [student tokens, width]: teacher ids; −1 is none, whatever its value. */
  readonly indices: Int32Array;
  /** [student tokens, width]: rows need not sum to 1; two equal ids in a row add up. */
  readonly values: Float32Array;
}

/** The tokens of a vocabulary as it writes them, for alignments that compare text. */
export interface TokenTable {
  readonly size: number;
  /** "Ġthe", "▁the". */
  raw(id: number): string;
  /** The bytes of the text that the token stands for. */
  bytes(id: number): Uint8Array;
  /** What stands for a space: "Ġ" or "▁". */
  readonly space: string;
  /** Whether the token stands for no text: the end of a sequence, padding. Absent: none does. */
  special?(id: number): boolean;
  /** The token that ends a response; absent where nobody said. */
  readonly end?: number;
  /** The tokens of a text, none around it; absent where there is no tokenizer behind the table. */
  readonly encode?: (text: string) => number[];
}

export interface TokenTables {
  readonly student: TokenTable;
  readonly teacher: TokenTable;
}

/** A token's bytes as a text of one character a byte: equal for equal bytes, with the same edit distances. */
export const tokenKey = (table: TokenTable, id: number): string => String.fromCharCode(...table.bytes(id));

/** The same tokens, each written as its bytes (`tokenKey`): vocabularies that spell them differently then agree. */
export function bytesAsSpelling({ student, teacher }: TokenTables): TokenTables {
  const side = (table: TokenTable): TokenTable => ({
    ...table,
    raw: (id) => tokenKey(table, id),
    space: " ",
  });
  return { student: side(student), teacher: side(teacher) };
}

/** Sums over many numbers, from which their mean and deviation follow. */
export interface Moments {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

/** What normalizations over a whole batch need of the teacher, prompts and padding included. */
export interface TeacherMoments {
  /** Of the last hidden state at every position that `positions` counts. */
  readonly hidden: Moments;
  /** Of a token's embedding. */
  token(id: number): Moments;
  /** Positions of the main view that count. */
  readonly positions: number;
}

export interface PairBatch extends ViewBatch {
  readonly rowIndices: readonly number[];
  /** The plain view of the same rows, when the objective reads both; a row without one has no response rows there. */
  readonly plain?: ViewBatch | undefined;
  /** The same object for every batch of a run. */
  readonly tokens?: TokenTables | undefined;
  /** Of the main view, when the objective needs both the hidden states and the embedding table. */
  readonly teacherMoments?: TeacherMoments | undefined;
  /** What token losses are divided by, when it is not the number of response tokens: part of a global batch. */
  readonly denominator?: number | undefined;
  /** What losses per sample are divided by, likewise. */
  readonly samples?: number | undefined;
  /** What losses per sample with a plain view are divided by, likewise. */
  readonly pairs?: number | undefined;
  /** What losses per chunk of equal text are divided by, likewise. */
  readonly chunks?: number | undefined;
  /** Given instead of built from the two vocabularies. */
  readonly projection?: TokenProjection;
  /** Given instead of the two tokens that end responses. */
  readonly ends?: readonly EndPair[];
}

/** `T` defaults to the longest input; a larger one (see bucketLength) adds padding. An absent sequence is all padding. */
export function makeSideBatch(seqs: readonly (Sequence | undefined)[], padId: number, T?: number): SideBatch {
  if (seqs.length === 0) throw new DataError("a batch needs at least one sequence");
  const lengths = Int32Array.from(seqs, (seq) => (seq ? seq.ids.length - 1 : 0));
  const longest = lengths.reduce((max, n) => Math.max(max, n), 0);
  const width = T ?? longest;
  if (width < longest)
    throw new RangeError(`the batch is ${width} wide, but a sequence has ${longest} inputs`);
  const ids = new Int32Array(seqs.length * width).fill(padId);
  const mask = new Uint8Array(ids.length);
  const rowOffsets = new Uint32Array(seqs.length + 1);
  for (const [b, seq] of seqs.entries()) {
    rowOffsets[b + 1] = rowOffsets[b] ?? 0;
    if (!seq) continue;
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
  seqs: readonly (Sequence | undefined)[],
  width: number,
  rowOffsets: Uint32Array,
): Pick<SideBatch, "rows" | "labels"> {
  const total = rowOffsets[seqs.length] ?? 0;
  const rows = new Uint32Array(total);
  const labels = new Int32Array(total);
  let r = 0;
  for (const [b, seq] of seqs.entries()) {
    if (!seq) continue;
    const { ids, promptLength } = seq;
    for (let p = promptLength - 1; p < ids.length - 1; p++, r++) {
      rows[r] = b * width + p;
      labels[r] = ids[p + 1] ?? 0;
    }
  }
  return { rows, labels };
}

/**
 * The next multiple of `multiple`: few widths mean few programs to record and shaders to compile. `most`: a model's
 * positions, which padding does not exceed; a longer `n` stays as it is.
 */
export function bucketLength(n: number, multiple = 16, most = Infinity): number {
  if (!(multiple >= 1)) throw new RangeError(`buckets are multiples of a number from 1, got ${multiple}`);
  return Math.min(Math.max(1, Math.ceil(n / multiple)) * multiple, Math.max(n, most));
}

export function momentsOf(values: ArrayLike<number>): Moments {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    sum += value;
    squares += value * value;
  }
  return { count: values.length, sum, squares };
}

export const addMoments = (parts: readonly Moments[]): Moments =>
  parts.reduce(
    (all, m) => ({
      count: all.count + m.count,
      sum: all.sum + m.sum,
      squares: all.squares + m.squares,
    }),
    { count: 0, sum: 0, squares: 0 },
  );

/** The unbiased deviation, torch.std's default. */
export const deviation = ({ count, sum, squares }: Moments): number =>
  Math.sqrt(Math.max(0, squares - (sum * sum) / count) / (count - 1));

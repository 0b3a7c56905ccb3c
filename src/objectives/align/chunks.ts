// Chunk alignment of a batch: which response rows of either side stand for the same bytes (see src/data/chunks.ts), as
// tables for the GPU. Row k of a response predicts its k-th token, so a chunk of tokens is a range of rows.
import {
  alignChunks,
  type Chunk,
  DataError,
  type SideBatch,
  textBytes,
  type TokenTable,
  type TokenTables,
  type ViewBatch,
} from "../../data";
import { NO_ROW } from "../../student";

/** A chunk as rows of the batch. */
export interface RowChunk extends Chunk {
  readonly sample: number;
}

/** Per pair of responses, so that the second epoch aligns nothing. */
const known = new WeakMap<TokenTables, Map<string, Chunk[]>>();

export function batchChunks(view: ViewBatch, tokens: TokenTables | undefined): RowChunk[] {
  if (view.groups) return givenChunks(view, view.groups);
  if (!tokens)
    throw new DataError(
      "chunks are aligned by the tokens' bytes: the token tables of both models are missing",
    );
  let memory = known.get(tokens);
  if (!memory) known.set(tokens, (memory = new Map()));
  const all: RowChunk[] = [];
  for (let sample = 0; sample < view.student.B; sample++) {
    const [s, t] = [responseIds(view.student, sample), responseIds(view.teacher, sample)];
    const key = `${s.ids.join()}|${t.ids.join()}`;
    let chunks = memory.get(key);
    if (!chunks) {
      chunks = alignChunks(textBytes(s.ids, tokens.student), textBytes(t.ids, tokens.teacher));
      memory.set(key, chunks);
    }
    for (const { student, teacher } of chunks)
      all.push({
        sample,
        student: [s.from + student[0], s.from + student[1]],
        teacher: [t.from + teacher[0], t.from + teacher[1]],
      });
  }
  return all;
}

/**
 * The chunks, and after a sample's last one the two tokens that end its responses, where both do: an end stands for no
 * text, but for the same thing on both sides. Given groups are final.
 */
export function batchGroups(view: ViewBatch, tokens: TokenTables | undefined): RowChunk[] {
  const chunks = batchChunks(view, tokens);
  if (view.groups || !tokens) return chunks;
  const groups: RowChunk[] = [];
  for (let sample = 0; sample < view.student.B; sample++) {
    groups.push(...chunks.filter((chunk) => chunk.sample === sample));
    const [s, t] = [
      endRow(view.student, sample, tokens.student),
      endRow(view.teacher, sample, tokens.teacher),
    ];
    const [, before = 0] = groups.at(-1)?.student ?? [];
    if (s === undefined || t === undefined || s < before) continue;
    groups.push({ sample, student: [s, s + 1], teacher: [t, t + 1] });
  }
  return groups;
}

/** The row of a sample's last token, if that is one that ends texts. */
function endRow(side: SideBatch, sample: number, table: TokenTable): number | undefined {
  const { from, ids } = responseIds(side, sample);
  const last = ids.at(-1);
  return last !== undefined && table.special?.(last) ? from + ids.length - 1 : undefined;
}

const givenChunks = ({ student, teacher }: ViewBatch, groups: NonNullable<ViewBatch["groups"]>): RowChunk[] =>
  groups.flatMap((list, sample) => {
    const [s, t] = [student.rowOffsets[sample] ?? 0, teacher.rowOffsets[sample] ?? 0];
    return list.map(([s0, s1, t0, t1]): RowChunk => ({
      sample,
      student: [s + s0, s + s1],
      teacher: [t + t0, t + t1],
    }));
  });

/** The tokens that a sample's response rows predict. */
export function responseIds({ labels, rowOffsets }: SideBatch, sample: number) {
  const from = rowOffsets[sample] ?? 0;
  return { from, ids: [...labels.subarray(from, rowOffsets[sample + 1] ?? from)] };
}

/** One side's chunks as tables, padded to the capacities. */
export interface SideTables {
  /** (G) pairs: rows [from, to); empty beyond the batch's. */
  readonly chunks: Uint32Array;
  /** (R): the chunk of each row that `chunks` counts. */
  readonly chunkOf: Uint32Array;
  /** (G): the last row of each chunk, which predicts its last token. */
  readonly last: Uint32Array;
}

/** @param withoutLast leaves each chunk's last row to `last` alone: what conditions it are the rows before. */
export function sideTables(
  chunks: readonly RowChunk[],
  side: "student" | "teacher",
  { count, rows, withoutLast }: { count: number; rows: number; withoutLast: boolean },
): SideTables {
  const pairs = new Uint32Array(2 * count);
  const chunkOf = new Uint32Array(rows).fill(NO_ROW);
  const last = new Uint32Array(count).fill(NO_ROW);
  chunks.forEach((chunk, g) => {
    const [from, end] = chunk[side];
    const to = withoutLast ? end - 1 : end;
    pairs.set([from, to], 2 * g);
    chunkOf.fill(g, from, to);
    last[g] = end - 1;
  });
  return { chunks: pairs, chunkOf, last };
}

/** (count): the first row of each chunk on a side; NO_ROW beyond the batch's. */
export function chunkRows(
  chunks: readonly RowChunk[],
  side: "student" | "teacher",
  count: number,
): Uint32Array {
  const rows = new Uint32Array(count).fill(NO_ROW);
  chunks.forEach((chunk, g) => (rows[g] = chunk[side][0]));
  return rows;
}

/** (count) fours: rows [s0, s1) of the student and [t0, t1) of the teacher; empty beyond the batch's. */
export function chunkFours(chunks: readonly RowChunk[], count: number): Uint32Array {
  const fours = new Uint32Array(4 * count);
  chunks.forEach(({ student, teacher }, g) => fours.set([...student, ...teacher], 4 * g));
  return fours;
}

/** (count): each sample's chunks share a weight of 1. */
export function chunkWeights(chunks: readonly RowChunk[], count: number): Float32Array {
  const perSample = new Map<number, number>();
  for (const { sample } of chunks) perSample.set(sample, (perSample.get(sample) ?? 0) + 1);
  const weights = new Float32Array(count);
  chunks.forEach(({ sample }, g) => (weights[g] = 1 / (perSample.get(sample) ?? 1)));
  return weights;
}

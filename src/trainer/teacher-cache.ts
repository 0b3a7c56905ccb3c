// The frozen teacher's states at a row's response positions, computed once and kept for the run.
import { makeSideBatch, type PreparedRow } from "../data";
import type { Teacher } from "../models";

/** Response rows of one data row: [n, D] each, row-major. */
export interface TeacherStates {
  readonly embedding: Float32Array;
  readonly hidden: Float32Array;
}

export interface TeacherCache {
  /** Run the teacher on those rows that it has not seen. */
  ensure(rows: readonly PreparedRow[]): Promise<void>;
  /** @throws Error when `ensure` was not awaited for this row. */
  states(row: PreparedRow): TeacherStates;
  readonly bytes: number;
}

export function createTeacherCache(teacher: Teacher): TeacherCache {
  const cache = new Map<PreparedRow, TeacherStates>();
  let bytes = 0;
  let queue: Promise<void> = Promise.resolve();

  async function fill(rows: readonly PreparedRow[]): Promise<void> {
    const missing = rows.filter((row) => !cache.has(row));
    if (missing.length === 0) return;
    const batch = makeSideBatch(
      missing.map((row) => row.teacher),
      teacher.tokenizer.padId,
    );
    const { embedding, hidden, D } = await teacher.forward(batch.ids, batch.mask, batch.B, batch.T);
    missing.forEach((row, b) => {
      const from = batch.rowOffsets[b] ?? 0;
      const to = batch.rowOffsets[b + 1] ?? from;
      const at = batch.rows.subarray(from, to);
      const states = { embedding: gather(embedding, at, D), hidden: gather(hidden, at, D) };
      bytes += states.embedding.byteLength + states.hidden.byteLength;
      cache.set(row, states);
    });
  }

  return {
    ensure(rows) {
      // One session, one forward at a time: a prefetch and a step must not interleave.
      queue = queue.catch(() => undefined).then(() => fill(rows)); // its own caller hears of a failure
      return queue;
    },
    states(row) {
      const states = cache.get(row);
      if (!states) throw new Error(`The teacher has not seen row ${row.row.id} yet`);
      return states;
    },
    get bytes() {
      return bytes;
    },
  };
}

function gather(states: Float32Array, rows: Uint32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => out.set(states.subarray(row * width, (row + 1) * width), i * width));
  return out;
}

// The frozen teacher's states at a sequence's response positions, computed once and kept for the run.
import { makeSideBatch, type Moments, momentsOf, type Sequence } from "../data";
import type { Teacher } from "../models";
import type { TeacherNeed } from "../objectives";

export type StateKind = "embedding" | "hidden" | `layer.${number}`;

/** Response rows of one sequence: [n, D] each, row-major; the kinds that the objective needs. */
export interface TeacherStates {
  readonly values: Readonly<Partial<Record<StateKind, Float32Array>>>;
  /** Of the last hidden state over the whole sequence, prompt included; when the objective needs the state. */
  readonly hiddenMoments?: Moments;
}

/** The states of a batch, sample by sample; a sample without a plain view has none there. */
export interface BatchStates {
  readonly main: readonly TeacherStates[];
  readonly plain?: readonly (TeacherStates | undefined)[] | undefined;
}

export interface TeacherCache {
  /** Run the teacher on those sequences that it has not seen. */
  ensure(sequences: readonly Sequence[]): Promise<void>;
  /** @throws Error when `ensure` was not awaited for this sequence. */
  states(sequence: Sequence): TeacherStates;
  readonly bytes: number;
}

/** The states behind an objective's needs: logits are the head's product with the hidden state. */
export function stateKinds(needs: readonly TeacherNeed[]): StateKind[] {
  const kinds = needs.flatMap((need): StateKind[] => {
    if (need === "teacher.head" || need === "teacher.tokenEmbedding") return [];
    if (need === "teacher.logits") return ["hidden"];
    return [need.slice("teacher.".length) as StateKind]; // what is left names a state
  });
  return [...new Set(kinds)];
}

/** The blocks whose outputs the teacher must be opened with, in the order that it returns them. */
export const teacherLayers = (needs: readonly TeacherNeed[]): number[] =>
  stateKinds(needs)
    .filter((kind) => kind.startsWith("layer."))
    .map(layerOf);

const layerOf = (kind: StateKind): number => Number(kind.slice("layer.".length));

export function createTeacherCache(teacher: Teacher, needs: readonly TeacherNeed[]): TeacherCache {
  const kinds = stateKinds(needs);
  const layers = teacherLayers(needs);
  const cache = new Map<Sequence, TeacherStates>();
  let bytes = 0;
  let queue: Promise<void> = Promise.resolve();

  async function fill(sequences: readonly Sequence[]): Promise<void> {
    const missing = sequences.filter((sequence) => !cache.has(sequence));
    if (missing.length === 0 || kinds.length === 0) return;
    const batch = makeSideBatch(missing, teacher.tokenizer.padId);
    const options = { layers: layers.length > 0 };
    const output = await teacher.forward(batch.ids, batch.mask, batch.B, batch.T, options);
    const whole = (kind: StateKind): Float32Array => {
      if (kind === "embedding" || kind === "hidden") return output[kind];
      const layer = output.layers?.[layers.indexOf(layerOf(kind))];
      if (!layer) throw new RangeError(`The teacher was opened without its ${kind}`);
      return layer;
    };
    missing.forEach((sequence, b) => {
      const from = batch.rowOffsets[b] ?? 0;
      const to = batch.rowOffsets[b + 1] ?? from;
      const at = batch.rows.subarray(from, to);
      const gathered = kinds.map((kind) => [kind, gather(whole(kind), at, output.D)] as const);
      bytes += gathered.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
      const real = output.hidden
        .subarray(b * batch.T * output.D)
        .subarray(0, (sequence.ids.length - 1) * output.D);
      cache.set(sequence, {
        values: Object.fromEntries(gathered),
        ...(kinds.includes("hidden") && { hiddenMoments: momentsOf(real) }),
      });
    });
  }

  return {
    ensure(sequences) {
      // One session, one forward at a time: a prefetch and a step must not interleave.
      queue = queue.catch(() => undefined).then(() => fill(sequences)); // its own caller hears of a failure
      return queue;
    },
    states(sequence) {
      if (kinds.length === 0) return { values: {} };
      const states = cache.get(sequence);
      if (!states) throw new Error("The teacher has not seen this sequence yet");
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

// The frozen teacher's states at a sequence's response positions, computed once, kept in memory
// for the run and, where there is a set for them, from run to run.
import { sha256 } from "../base/digest";
import { messageOf } from "../base/errors";
import {
  makeSideBatch,
  type Moments,
  momentsOf,
  responseLength,
  type Sequence,
  type SideBatch,
} from "../data";
import { type BufferRange, inputBytes } from "../gpu/input-pieces";
import { type NamedTensor, type StateRecord, type StateSet, type StateSets, type Teacher } from "../models";
import type { TeacherNeed } from "../objectives";

export type StateKind = "embedding" | "hidden" | `layer.${number}`;

/** In the CPU's memory, or in a buffer of the device that trains. */
type StateValue = Float32Array | BufferRange;

/** Response rows of one sequence: [n, D] each, row-major; the kinds that the objective needs. */
export interface TeacherStates {
  readonly values: Readonly<Partial<Record<StateKind, StateValue>>>;
  /** Of the last hidden state over the whole sequence, prompt included; when the objective needs the state. */
  readonly hiddenMoments?: Moments;
}

/** The states of a batch, sample by sample; a sample without a plain view has none there. */
export interface BatchStates {
  readonly main: readonly TeacherStates[];
  readonly plain?: readonly (TeacherStates | undefined)[] | undefined;
}

export interface TeacherCache {
  /** Have these sequences ready: from memory, from an earlier run's set, or by running the teacher. */
  ensure(sequences: readonly Sequence[]): Promise<void>;
  /** @throws Error when `ensure` was not awaited for this sequence, or several others were ensured since. */
  states(sequence: Sequence): TeacherStates;
  /** Let go of sequences that will not come again. */
  forget(sequences: readonly Sequence[]): void;
  /** In memory now. */
  readonly bytes: number;
  /** Sequences that the teacher was run on, and that came from the set. */
  readonly counts: { readonly computed: number; readonly found: number };
  /** Why the set is not used any more, when that is so. */
  readonly trouble: string | undefined;
  /** Have the set keep what is new. */
  flush(): Promise<void>;
  destroy(): void;
}

export interface TeacherCacheOptions {
  /** Where states outlive the run. */
  readonly set?: StateSet | undefined;
  /** Of states in memory; beyond it, those used longest ago go. */
  readonly heldBytes?: number;
  /** The device that the teacher shares: its states stay there. Where it runs elsewhere, this has no effect. */
  readonly gpu?: GPUDevice;
}

const HELD_BYTES = 2 ** 30;
/** Of a GPU, whose memory the run needs for itself. */
export const HELD_GPU_BYTES = 2 ** 28;
/** Calls of `ensure` whose sequences stay whatever the limit: a step's, the next one's, a probe's. */
const KEPT_CALLS = 4;

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

export const layerOf = (kind: StateKind): number => Number(kind.slice("layer.".length));

export const createTeacherCache = (
  teacher: Teacher,
  needs: readonly TeacherNeed[],
  options: TeacherCacheOptions = {},
): TeacherCache => new HeldStates(teacher, needs, options);

/** A teacher on the device that trains, and how it leaves its states there. */
interface SharedDevice {
  readonly device: GPUDevice;
  readonly forward: NonNullable<Teacher["forwardOnGpu"]>;
}

/** Lives as long as its run, and holds its buffers until `destroy`. */
class HeldStates implements TeacherCache {
  readonly #teacher: Teacher;
  readonly #set: StateSet | undefined;
  readonly #kinds: readonly StateKind[];
  /** The blocks whose outputs the teacher returns. */
  readonly #layers: readonly number[];
  /** Moments of the hidden states are kept with them; they are the CPU's. */
  readonly #moments: boolean;
  readonly #shared: SharedDevice | undefined;
  readonly #mostBytes: number;
  readonly #cache = new Map<Sequence, TeacherStates>(); // those used longest ago first
  readonly counts = { computed: 0, found: 0 };
  #recent: (readonly Sequence[])[] = [];
  #bytes = 0;
  #trouble: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  readonly #reading = new Set<Promise<void>>(); // states that are on their way from the GPU to the set

  constructor(teacher: Teacher, needs: readonly TeacherNeed[], { set, heldBytes, gpu }: TeacherCacheOptions) {
    this.#teacher = teacher;
    this.#set = set;
    this.#kinds = stateKinds(needs);
    this.#layers = teacherLayers(needs);
    this.#moments = this.#kinds.includes("hidden") && needs.includes("teacher.tokenEmbedding");
    const forward = teacher.forwardOnGpu;
    this.#shared = gpu && forward && !this.#moments ? { device: gpu, forward } : undefined;
    this.#mostBytes = heldBytes ?? (this.#shared ? HELD_GPU_BYTES : HELD_BYTES);
  }

  ensure(sequences: readonly Sequence[]): Promise<void> {
    // One session, one forward at a time: a prefetch and a step must not interleave.
    this.#queue = this.#queue.catch(() => undefined).then(() => this.#fill(sequences)); // its own caller hears of a failure
    return this.#queue;
  }

  states(sequence: Sequence): TeacherStates {
    if (this.#kinds.length === 0) return { values: {} };
    const states = this.#cache.get(sequence);
    if (!states) throw new Error("The teacher has not seen this sequence yet");
    return states;
  }

  forget(sequences: readonly Sequence[]): void {
    const gone = new Set(sequences);
    this.#recent = this.#recent.map((call) => call.filter((sequence) => !gone.has(sequence)));
    for (const sequence of gone) {
      const states = this.#cache.get(sequence);
      if (!states) continue;
      this.#cache.delete(sequence);
      this.#bytes -= bytesOf(states);
      release(states);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  async flush(): Promise<void> {
    await Promise.all(this.#reading);
    await this.#usingSet((there) => there.flush());
  }

  destroy(): void {
    for (const states of this.#cache.values()) release(states);
    this.#cache.clear();
    this.#bytes = 0;
  }

  async #fill(sequences: readonly Sequence[]): Promise<void> {
    if (this.#kinds.length === 0) return;
    this.#recent = [...this.#recent, sequences].slice(-KEPT_CALLS);
    for (const sequence of sequences) {
      const known = this.#cache.get(sequence);
      this.#cache.delete(sequence);
      const states = known ?? (await this.#found(sequence)) ?? (await this.#computed(sequence));
      this.#cache.set(sequence, states);
      if (!known) this.#bytes += bytesOf(states);
    }
    this.#evict();
  }

  #evict(): void {
    const kept = new Set(this.#recent.flat());
    for (const [sequence, states] of this.#cache) {
      if (this.#bytes <= this.#mostBytes) return;
      if (kept.has(sequence)) continue;
      this.#cache.delete(sequence);
      this.#bytes -= bytesOf(states);
      release(states);
    }
  }

  async #found(sequence: Sequence): Promise<TeacherStates | undefined> {
    const states = await this.#usingSet(async (there) => {
      const record = await there.read(await keyOf(sequence));
      const length = responseLength(sequence) * this.#teacher.config.hiddenSize;
      const states = record && fromRecord(record, this.#kinds, length);
      return this.#moments && !states?.hiddenMoments ? undefined : states;
    });
    if (states) this.counts.found++;
    return states;
  }

  /**
   * A sequence is run alone and without padding, so that its states depend on nothing but itself: graphs that quantize
   * their activations scale them by the largest of the whole batch.
   */
  async #computed(sequence: Sequence): Promise<TeacherStates> {
    const batch = makeSideBatch([sequence], this.#teacher.tokenizer.padId);
    if (this.#shared) return this.#computedOnGpu(this.#shared, sequence, batch);
    const options = { layers: this.#layers.length > 0 };
    const output = await this.#teacher.forward(batch.ids, batch.mask, batch.B, batch.T, options);
    const whole = (kind: StateKind): Float32Array => {
      if (kind === "embedding" || kind === "hidden") return output[kind];
      const layer = output.layers?.[this.#layers.indexOf(layerOf(kind))];
      if (!layer) throw new RangeError(`The teacher was opened without its ${kind}`);
      return layer;
    };
    const states = {
      values: Object.fromEntries(
        this.#kinds.map((kind) => [kind, gather(whole(kind), batch.rows, output.D)]),
      ),
      ...(this.#kinds.includes("hidden") && { hiddenMoments: momentsOf(output.hidden) }),
    };
    this.counts.computed++;
    await this.#usingSet(async (there) => there.write(await keyOf(sequence), toRecord(states, output.D)));
    return states;
  }

  async #computedOnGpu(
    { device, forward }: SharedDevice,
    sequence: Sequence,
    { ids, mask, B, T, rows }: SideBatch,
  ): Promise<TeacherStates> {
    const width = this.#teacher.config.hiddenSize;
    const bytesEach = rows.length * width * Float32Array.BYTES_PER_ELEMENT;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({
      label: "teacher states",
      size: this.#kinds.length * bytesEach,
      usage,
    });
    const copies = this.#kinds.map((kind, i) => ({
      state:
        kind === "embedding" || kind === "hidden" ? kind : { layer: this.#layers.indexOf(layerOf(kind)) },
      ...{ firstRow: rows[0] ?? 0, rows: rows.length }, // response rows follow one another
      ...{ target: buffer, offset: i * bytesEach },
    }));
    await forward(ids, mask, B, T, copies);
    this.counts.computed++;
    const range = (i: number): BufferRange => ({ buffer, offset: i * bytesEach, bytes: bytesEach });
    if (this.#set) this.#keepFromGpu(device, buffer, sequence, width);
    return { values: Object.fromEntries(this.#kinds.map((kind, i) => [kind, range(i)])) };
  }

  /** While the run goes on: nothing waits for it but `flush`. */
  #keepFromGpu(device: GPUDevice, buffer: GPUBuffer, sequence: Sequence, width: number): void {
    const work = this.#usingSet(async (there) => {
      const all = await readBuffer(device, buffer);
      if (!all.every(Number.isFinite) || all.every((value) => value === 0)) return; // a device that fails is no teacher
      const length = all.length / this.#kinds.length;
      const values = this.#kinds.map((kind, i) => [kind, all.slice(i * length, (i + 1) * length)]);
      await there.write(await keyOf(sequence), toRecord({ values: Object.fromEntries(values) }, width));
    }).then(() => undefined);
    this.#reading.add(work);
    void work.finally(() => this.#reading.delete(work));
  }

  /** A set that fails is a set less, not a run less: the teacher can compute all of it. */
  async #usingSet<T>(work: (set: StateSet) => Promise<T>): Promise<T | undefined> {
    if (!this.#set || this.#trouble !== undefined) return undefined;
    try {
      return await work(this.#set);
    } catch (error) {
      this.#trouble = messageOf(error);
      return undefined;
    }
  }
}

const entriesOf = ({ values }: TeacherStates): [string, StateValue][] =>
  Object.entries(values).flatMap(([kind, value]): [string, StateValue][] => (value ? [[kind, value]] : []));

const bytesOf = (states: TeacherStates): number =>
  entriesOf(states).reduce((sum, [, value]) => sum + inputBytes(value), 0);

/** Buffers that were submitted to live until the GPU is done with them. */
function release(states: TeacherStates): void {
  for (const [, value] of entriesOf(states)) if ("bytes" in value) value.buffer.destroy();
}

async function readBuffer(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "teacher states for the set", size: buffer.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}

/** All that a sequence's states depend on, beside the teacher and its taps. */
const keyOf = ({ ids, promptLength }: Sequence): Promise<string> =>
  sha256(`${promptLength}:${ids.join(",")}`);

const toRecord = (states: TeacherStates, width: number): StateRecord => ({
  tensors: new Map(
    entriesOf(states).flatMap(([kind, data]): [string, NamedTensor][] =>
      "bytes" in data ? [] : [[kind, { shape: [data.length / width, width], data }]],
    ),
  ),
  note: JSON.stringify(states.hiddenMoments ?? null),
});

/** Undefined when it is not of this form. */
function fromRecord(
  { tensors, note }: StateRecord,
  kinds: readonly StateKind[],
  length: number,
): TeacherStates | undefined {
  const values = kinds.flatMap((kind) => {
    const data = tensors.get(kind)?.data;
    return data?.length === length ? [[kind, data] as const] : [];
  });
  if (values.length < kinds.length) return undefined;
  const hiddenMoments = JSON.parse(note) as Moments | null; // what `toRecord` wrote: the digest was checked
  return { values: Object.fromEntries(values), ...(hiddenMoments && { hiddenMoments }) };
}

/** The set of a teacher's states in a store; none where it was not opened with an identity, or storage is denied. */
export async function openStateSet(
  sets: StateSets,
  name: string,
  { identity }: Teacher,
  needs: readonly TeacherNeed[],
): Promise<StateSet | undefined> {
  const taps = stateKinds(needs);
  return identity === undefined || taps.length === 0
    ? undefined
    : sets.open({ teacher: name, identity, taps }).catch(() => undefined);
}

function gather(states: Float32Array, rows: Uint32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => out.set(states.subarray(row * width, (row + 1) * width), i * width));
  return out;
}

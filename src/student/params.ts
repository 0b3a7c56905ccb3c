// The parameters on the GPU: arenas of weights, gradients and the two moments, cut into segments that the adapter
// can bind (param-layout.ts). An arena's segment is a buffer of its own, because a dispatch may not read one range
// of a buffer and write another.
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, fixed, type Tensor } from "../gpu/program";
import { inRanges } from "../gpu/tensor";
import type { NamedTensor } from "../models";
import {
  layOutParams,
  layoutBytes,
  type ParamEntry,
  type ParamGroup,
  type ParamPiece,
  type ParamLayout,
  type ParamShape,
  type RunEnds,
  segmentBytesOf,
  type Stretch,
} from "./param-layout";
import { size, type Tape, type Var } from "./tape";

export interface NewParameter extends ParamShape {
  /** Absent: zeros. */
  readonly data?: Float32Array;
}

/** Everything that training changes, segment after segment: weights and both moments of what is trained. */
export interface ParamState {
  readonly params: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

const ARENAS = ["params", "grads", "m", "v"] as const;
type Arena = (typeof ARENAS)[number];

/** A segment of the trainable arenas; `base` is its first element in the whole. */
interface ParamSegment {
  readonly base: number;
  readonly length: number;
  readonly tensors: Readonly<Record<Arena, Tensor>>;
}

export interface ParamStore {
  readonly entries: ReadonlyMap<string, ParamEntry>;
  /** Elements of each trainable arena, over all segments. */
  readonly length: number;
  readonly ends: RunEnds;
  readonly segments: readonly ParamSegment[];
  /** Bytes of all arenas. */
  readonly bytes: number;
  /** Parameters in a group. */
  count(group: ParamGroup): number;
  /** Parameters that are trained. */
  readonly trainableCount: number;
  /** A parameter on a tape. @throws Error when there is none of that name. */
  leaf(tape: Tape, name: string): Var;
  /** Present weights of a group, by name; frozen ones too. */
  read(group: ParamGroup): Promise<Map<string, NamedTensor>>;
  /** One of them. @throws Error when there is none of that name. */
  readOne(name: string): Promise<NamedTensor>;
  /** Values for parameters, as they came; what has none stays as it is. No more than some wait on the host at a time. */
  fill(parameters: readonly NewParameter[]): Promise<void>;
  /** Present gradients of all trained parameters, by name: for tests. */
  readGradients(): Promise<Map<string, NamedTensor>>;
  save(): Promise<ParamState>;
  /** @throws RangeError when the state is of another layout. */
  restore(state: ParamState): void;
  /** After a step that accumulates was cut off: what it had gathered is gone. */
  clearGradients(): void;
  /** Weights as they were created; gradients and moments zero. */
  reset(): Promise<void>;
  /** Does something with the weights as they were created; then they are again what they were. */
  atStart<T>(work: () => Promise<T>): Promise<T>;
  destroy(): void;
}

/** A checkpoint's tensors as the group "student"; matrices decay, norms do not. */
export const studentParameters = (
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data?: Float32Array }>,
): NewParameter[] =>
  [...tensors].map(([name, tensor]) => ({
    name,
    ...tensor,
    group: "student",
    decay: tensor.shape.length > 1,
  }));

/** A trainable segment and its four buffers. */
interface Trained extends Stretch {
  readonly buffers: Readonly<Record<Arena, GPUBuffer>>;
}

interface Arenas {
  readonly trained: readonly Trained[];
  readonly frozen: readonly GPUBuffer[];
  /** The buffer that a piece of a parameter's weights lies in. */
  weightsOf(entry: ParamEntry, piece: ParamPiece): GPUBuffer;
  /** Zero the given arenas. */
  clear(arenas: readonly Arena[]): void;
}

function allocateArenas(device: GPUDevice, layout: ParamLayout): Arenas {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (label: string, elements: number) =>
    device.createBuffer({ label, size: elements * ELEMENT_BYTES, usage }); // starts zeroed
  const trained = layout.trainable.map((stretch): Trained => {
    const of = (arena: Arena) => make(arena, stretch.length);
    return { ...stretch, buffers: { params: of("params"), grads: of("grads"), m: of("m"), v: of("v") } };
  });
  const frozen = layout.frozen.map((stretch) => make("frozen params", stretch.length));
  return {
    trained,
    frozen,
    weightsOf: ({ trainable }, { segment }) =>
      (trainable ? trained[segment]?.buffers.params : frozen[segment])!, // laid out so
    clear(arenas) {
      const encoder = device.createCommandEncoder();
      for (const { buffers } of trained) for (const arena of arenas) encoder.clearBuffer(buffers[arena]);
      device.queue.submit([encoder.finish()]);
    },
  };
}

/** Values of parameters out of the segments that they lie in, part after part. */
async function readNamed(
  device: GPUDevice,
  segments: readonly GPUBuffer[],
  entries: readonly (readonly [string, ParamEntry])[],
): Promise<[string, NamedTensor][]> {
  const found = new Map<string, NamedTensor>();
  for (const [segment, buffer] of segments.entries()) {
    const here = entries.flatMap(([name, { shape, length, pieces }]) =>
      pieces
        .filter((piece) => piece.segment === segment)
        .map((piece) => {
          const tensor = found.get(name) ?? { shape, data: new Float32Array(length) };
          found.set(name, tensor);
          return { piece, data: tensor.data };
        }),
    );
    if (here.length === 0) continue;
    await download(device, buffer, (part, from) => {
      for (const { piece, data } of here) {
        const first = Math.max(piece.offset, from);
        const last = Math.min(piece.offset + piece.length, from + part.length);
        if (first < last)
          data.set(part.subarray(first - from, last - from), piece.start + first - piece.offset);
      }
    });
  }
  return [...found];
}

export interface StoreOptions {
  /** The largest segment, by default what the adapter binds at once. */
  readonly segmentBytes?: number;
  /** The same parameters another time, with values at least for those that are trained: then the store keeps none. */
  readonly initial?: () => Promise<readonly NewParameter[]>;
}

/** @throws RangeError when one row of a parameter is larger than the adapter's largest storage binding. */
export function createParamStore(
  gpu: Gpu,
  parameters: readonly NewParameter[],
  { segmentBytes, initial = keeping(parameters) }: StoreOptions = {},
): ParamStore {
  const { device } = gpu;
  for (const { name, shape, data } of parameters)
    if (data && data.length !== size(shape))
      throw new RangeError(`"${name}" has shape [${shape.join(", ")}] but ${data.length} values`);
  const layout = layOutParams(parameters, segmentBytes ?? segmentBytesOf(device.limits));
  const arenas = allocateArenas(device, layout);
  for (const parameter of parameters) uploadOne(device, layout, arenas, parameter);
  return storeOf(device, layout, arenas, orderOf(parameters), initial);
}

const keeping = (parameters: readonly NewParameter[]) => async () => parameters;

type Order = readonly Pick<NewParameter, "name" | "group">[];
const orderOf = (parameters: readonly NewParameter[]): Order =>
  parameters.map(({ name, group }) => ({ name, group }));

/** It sees no values but those that `initial` gives: who made the store may let go of them. */
function storeOf(
  device: GPUDevice,
  layout: ParamLayout,
  arenas: Arenas,
  order: Order,
  initial: () => Promise<readonly NewParameter[]>,
): ParamStore {
  const { entries } = layout;
  const moved = transfers(device, order, layout, arenas);
  const fill = (parameters: readonly NewParameter[]) => uploadAll(device, layout, arenas, parameters);
  const toStart = async (clear: readonly Arena[]): Promise<void> => {
    const first = (await initial()).filter(({ name }) => entries.get(name)?.trainable);
    arenas.clear(clear);
    await fill(first);
  };
  return {
    ...describe(layout),
    ...onTape(entries, arenas),
    ...moved,
    fill,
    clearGradients: () => arenas.clear(["grads"]),
    reset: () => toStart(ARENAS),
    async atStart(work) {
      const now = await moved.saveWeights();
      await toStart(["params"]);
      try {
        return await work();
      } finally {
        moved.restoreWeights(now);
      }
    },
    destroy() {
      for (const { buffers } of arenas.trained) Object.values(buffers).forEach((b) => b.destroy());
      arenas.frozen.forEach((b) => b.destroy());
    },
  };
}

/** What is handed to the device waits on the host until the device has taken it. */
const UPLOAD_BYTES = 2 ** 25;

async function uploadAll(
  device: GPUDevice,
  layout: Pick<ParamLayout, "entries">,
  arenas: Arenas,
  parameters: readonly NewParameter[],
): Promise<void> {
  let waiting = 0;
  for (const parameter of parameters) {
    waiting += uploadOne(device, layout, arenas, parameter);
    if (waiting < UPLOAD_BYTES) continue;
    device.queue.submit([]);
    await device.queue.onSubmittedWorkDone();
    waiting = 0;
  }
}

/** Values of a parameter into the segments that it lies in; one without values stays as it is. @returns bytes */
function uploadOne(
  device: GPUDevice,
  { entries }: Pick<ParamLayout, "entries">,
  { weightsOf }: Arenas,
  { name, data }: NewParameter,
): number {
  const entry = entries.get(name);
  if (!data || !entry) return 0;
  for (const piece of entry.pieces) {
    const values = data.subarray(piece.start, piece.start + piece.length) as GPUAllowSharedBufferSource; // never shared
    device.queue.writeBuffer(weightsOf(entry, piece), piece.offset * ELEMENT_BYTES, values);
  }
  return data.byteLength;
}

type Described = "entries" | "length" | "ends" | "bytes" | "count" | "trainableCount";

function describe(layout: ParamLayout): Pick<ParamStore, Described> {
  const { entries, length, ends } = layout;
  const { weights, gradients, moments } = layoutBytes(layout);
  const sum = (keep: (entry: ParamEntry) => boolean) =>
    [...entries.values()].filter(keep).reduce((total, entry) => total + entry.length, 0);
  return {
    ...{ entries, length, ends },
    bytes: weights + gradients + moments,
    count: (group) => sum((entry) => entry.group === group),
    trainableCount: sum((entry) => entry.trainable),
  };
}

/** Parameters and segments as tensors that programs name. */
function onTape(
  entries: ParamLayout["entries"],
  { trained, weightsOf }: Arenas,
): Pick<ParamStore, "segments" | "leaf"> {
  const leaves = new Map(
    [...entries].map(([name, entry]) => {
      const { pieces, shape, trainable } = entry;
      const joined = (label: string, bufferOf: (piece: ParamPiece) => GPUBuffer): Tensor =>
        inRanges(
          label,
          pieces.map((piece) => fixed(label, bufferOf(piece), piece.offset, piece.length)),
        );
      const value = joined(name, (piece) => weightsOf(entry, piece));
      const gradient = () => joined(`d${name}`, ({ segment }) => trained[segment]!.buffers.grads); // laid out so
      return [name, { value, shape, grad: trainable ? gradient() : undefined }];
    }),
  );
  return {
    segments: trained.map(({ base, length, buffers }) => {
      const of = (arena: Arena) => fixed(arena, buffers[arena], 0, length);
      return { base, length, tensors: { params: of("params"), grads: of("grads"), m: of("m"), v: of("v") } };
    }),
    leaf(tape, name) {
      const leaf = leaves.get(name);
      if (!leaf) throw new Error(`There is no parameter "${name}"`);
      return tape.leaf(leaf.value, leaf.grad, leaf.shape);
    },
  };
}

type Transfers = "read" | "readOne" | "readGradients" | "save" | "restore";

interface Moved extends Pick<ParamStore, Transfers> {
  saveWeights(): Promise<Float32Array>;
  restoreWeights(weights: Float32Array): void;
}

/** What comes from the device, and goes back. */
function transfers(
  device: GPUDevice,
  order: Order,
  { entries, length }: ParamLayout,
  { trained, frozen, clear, weightsOf }: Arenas,
): Moved {
  const buffersOf = (arena: Arena) => trained.map(({ buffers }) => buffers[arena]);
  const ofKind = (trainable: boolean, group?: ParamGroup) =>
    [...entries].filter(([, e]) => e.trainable === trainable && e.group === (group ?? e.group));
  const whole = async (arena: Arena): Promise<Float32Array> => {
    const all = new Float32Array(length);
    for (const { base, buffers } of trained)
      await download(device, buffers[arena], (part, from) => all.set(part, base + from));
    return all;
  };
  const put = (arena: Arena, values: Float32Array): void => {
    for (const { base, length: elements, buffers } of trained) {
      const part = values.subarray(base, base + elements) as GPUAllowSharedBufferSource; // never shared
      device.queue.writeBuffer(buffers[arena], 0, part);
    }
  };
  return {
    async read(group) {
      const found = new Map([
        ...(await readNamed(device, buffersOf("params"), ofKind(true, group))),
        ...(await readNamed(device, frozen, ofKind(false, group))),
      ]);
      const inOrder = order.filter((p) => p.group === group);
      return new Map(inOrder.map(({ name }) => [name, found.get(name)!])); // every parameter was laid out
    },
    async readOne(name) {
      const entry = entries.get(name);
      if (!entry) throw new Error(`There is no parameter "${name}"`);
      const data = new Float32Array(entry.length);
      for (const piece of entry.pieces) {
        const { start, offset, length: count } = piece;
        const take = (part: Float32Array, from: number): void => data.set(part, start + from - offset);
        await download(device, weightsOf(entry, piece), take, offset, count);
      }
      return { shape: entry.shape, data };
    },
    readGradients: async () => new Map(await readNamed(device, buffersOf("grads"), ofKind(true))),
    save: async () => ({ params: await whole("params"), m: await whole("m"), v: await whole("v") }),
    saveWeights: () => whole("params"),
    restoreWeights: (weights) => put("params", weights),
    restore(state) {
      const kinds = ["params", "m", "v"] as const;
      for (const arena of kinds)
        if (state[arena].length !== length)
          throw new RangeError(
            `The saved ${arena} has ${state[arena].length} values, this student ${length}`,
          );
      clear(["grads"]); // a state knows nothing of gradients; those of a step that was cut off must not leak
      for (const arena of kinds) put(arena, state[arena]);
    },
  };
}

/** Elements that are on their way at once: a segment may be larger than what a host wants to hold twice. */
const DOWNLOAD_ELEMENTS = 2 ** 23;

/** Elements of a buffer part by part, in order: each is good until `take` returns. */
async function download(
  device: GPUDevice,
  buffer: GPUBuffer,
  take: (part: Float32Array, from: number) => void,
  first = 0,
  elements = buffer.size / ELEMENT_BYTES,
): Promise<void> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const size = Math.min(elements, DOWNLOAD_ELEMENTS) * ELEMENT_BYTES;
  const staging = device.createBuffer({ label: "parameter readback", size, usage });
  try {
    for (let from = first; from < first + elements; from += DOWNLOAD_ELEMENTS) {
      const count = Math.min(DOWNLOAD_ELEMENTS, first + elements - from);
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, from * ELEMENT_BYTES, staging, 0, count * ELEMENT_BYTES);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, count * ELEMENT_BYTES);
      take(new Float32Array(staging.getMappedRange(0, count * ELEMENT_BYTES)), from);
      staging.unmap();
    }
  } finally {
    staging.destroy();
  }
}

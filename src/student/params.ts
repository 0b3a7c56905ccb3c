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
export interface ParamSegment {
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
  /** Present gradients of all trained parameters, by name: for tests. */
  readGradients(): Promise<Map<string, NamedTensor>>;
  save(): Promise<ParamState>;
  /** @throws RangeError when the state is of another layout. */
  restore(state: ParamState): void;
  /** After a step that accumulates was cut off: what it had gathered is gone. */
  clearGradients(): void;
  /** Weights as they were created; gradients and moments zero. */
  reset(): void;
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

/** Values of parameters out of the segments that they lie in, one segment on the host at a time. */
async function readNamed(
  device: GPUDevice,
  segments: readonly GPUBuffer[],
  entries: readonly (readonly [string, ParamEntry])[],
): Promise<[string, NamedTensor][]> {
  const found = new Map<string, NamedTensor>();
  for (const [segment, buffer] of segments.entries()) {
    const here = entries.flatMap(([name, { shape, length, pieces }]) =>
      pieces.filter((p) => p.segment === segment).map((piece) => ({ name, shape, length, piece })),
    );
    if (here.length === 0) continue;
    const all = await download(device, buffer);
    for (const { name, shape, length, piece } of here) {
      const part = all.subarray(piece.offset, piece.offset + piece.length);
      const { data } = found.get(name) ?? { data: new Float32Array(length) };
      data.set(part, piece.start);
      found.set(name, { shape, data });
    }
  }
  return [...found];
}

/**
 * @param options `segmentBytes`: the largest segment, by default what the adapter binds at once.
 * @throws RangeError when one row of a parameter is larger than the adapter's largest storage binding.
 */
export function createParamStore(
  gpu: Gpu,
  parameters: readonly NewParameter[],
  options: { segmentBytes?: number } = {},
): ParamStore {
  const { device } = gpu;
  for (const { name, shape, data } of parameters)
    if (data && data.length !== size(shape))
      throw new RangeError(`"${name}" has shape [${shape.join(", ")}] but ${data.length} values`);
  const layout = layOutParams(parameters, options.segmentBytes ?? segmentBytesOf(device.limits));
  const { entries } = layout;
  const arenas = allocateArenas(device, layout);
  const upload = () => {
    for (const { name, data } of parameters) {
      const entry = entries.get(name)!; // laid out above
      for (const piece of data ? entry.pieces : []) {
        const values = data?.subarray(piece.start, piece.start + piece.length) as GPUAllowSharedBufferSource; // never shared
        device.queue.writeBuffer(arenas.weightsOf(entry, piece), piece.offset * ELEMENT_BYTES, values);
      }
    }
  };
  upload();
  return {
    ...describe(layout),
    ...onTape(entries, arenas),
    ...transfers(device, parameters, layout, arenas),
    clearGradients: () => arenas.clear(["grads"]),
    reset() {
      arenas.clear(ARENAS);
      upload();
    },
    destroy() {
      for (const { buffers } of arenas.trained) Object.values(buffers).forEach((b) => b.destroy());
      arenas.frozen.forEach((b) => b.destroy());
    },
  };
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

type Transfers = "read" | "readGradients" | "save" | "restore";

/** What comes from the device, and goes back. */
function transfers(
  device: GPUDevice,
  parameters: readonly NewParameter[],
  { entries, length }: ParamLayout,
  { trained, frozen, clear }: Arenas,
): Pick<ParamStore, Transfers> {
  const buffersOf = (arena: Arena) => trained.map(({ buffers }) => buffers[arena]);
  const ofKind = (trainable: boolean, group?: ParamGroup) =>
    [...entries].filter(([, e]) => e.trainable === trainable && e.group === (group ?? e.group));
  const whole = async (arena: Arena): Promise<Float32Array> => {
    const all = new Float32Array(length);
    for (const { base, buffers } of trained) all.set(await download(device, buffers[arena]), base);
    return all;
  };
  return {
    async read(group) {
      const found = new Map([
        ...(await readNamed(device, buffersOf("params"), ofKind(true, group))),
        ...(await readNamed(device, frozen, ofKind(false, group))),
      ]);
      const inOrder = parameters.filter((p) => p.group === group);
      return new Map(inOrder.map(({ name }) => [name, found.get(name)!])); // every parameter was laid out
    },
    readGradients: async () => new Map(await readNamed(device, buffersOf("grads"), ofKind(true))),
    save: async () => ({ params: await whole("params"), m: await whole("m"), v: await whole("v") }),
    restore(state) {
      const kinds = ["params", "m", "v"] as const;
      for (const arena of kinds)
        if (state[arena].length !== length)
          throw new RangeError(
            `The saved ${arena} has ${state[arena].length} values, this student ${length}`,
          );
      clear(["grads"]); // a state knows nothing of gradients; those of a step that was cut off must not leak
      for (const arena of kinds)
        for (const { base, length: elements, buffers } of trained) {
          const part = state[arena].subarray(base, base + elements) as GPUAllowSharedBufferSource; // never shared
          device.queue.writeBuffer(buffers[arena], 0, part);
        }
    },
  };
}

async function download(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "parameter readback", size: buffer.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const copy = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return copy;
}

// The parameters: one flat arena for weights, and three of the same layout for gradients and the two moments.
// Four buffers and not one, because a dispatch may not read one range of a buffer and write another.
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, fixed, type Tensor } from "../gpu/program";
import type { NamedTensor } from "../models";
import { size, type Tape, type Var } from "./tape";

/** Each group has its own learning rate. */
export type ParamGroup = "student" | "projector";

export interface NewParameter extends NamedTensor {
  readonly name: string;
  readonly group: ParamGroup;
  /** Whether weight decay applies: to matrices, not to norms and biases. */
  readonly decay: boolean;
}

export interface ParamEntry {
  readonly shape: readonly number[];
  /** Elements from the start of the arena. */
  readonly offset: number;
  readonly length: number;
  readonly group: ParamGroup;
  readonly decay: boolean;
}

/** Everything that training changes: weights and both moments. */
export interface ParamState {
  readonly params: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export interface ParamStore {
  readonly entries: ReadonlyMap<string, ParamEntry>;
  /** Elements of each arena. */
  readonly length: number;
  /** Where the runs of the arena end: student with decay, student, projector with decay, projector. */
  readonly ends: readonly [number, number, number, number];
  /** The whole of an arena as one tensor. */
  readonly arenas: Readonly<Record<Arena, Tensor>>;
  /** Bytes of the four arenas. */
  readonly bytes: number;
  /** Parameters in a group. */
  count(group: ParamGroup): number;
  /** A parameter on a tape. @throws Error when there is none of that name. */
  leaf(tape: Tape, name: string): Var;
  /** Present weights of a group, by name. */
  read(group: ParamGroup): Promise<Map<string, NamedTensor>>;
  /** Present gradients of all parameters, by name: for tests. */
  readGradients(): Promise<Map<string, NamedTensor>>;
  save(): Promise<ParamState>;
  restore(state: ParamState): void;
  destroy(): void;
}

const ARENAS = ["params", "grads", "m", "v"] as const;
type Arena = (typeof ARENAS)[number];

/** Ranges start at multiples of this many elements, as storage bindings must. */
const ALIGN = 64;

/** A checkpoint's tensors as the group "student"; matrices decay, norms do not. */
export const studentParameters = (tensors: ReadonlyMap<string, NamedTensor>): NewParameter[] =>
  [...tensors].map(([name, tensor]) => ({
    name,
    ...tensor,
    group: "student",
    decay: tensor.shape.length > 1,
  }));

const RUNS = [
  { group: "student", decay: true },
  { group: "student", decay: false },
  { group: "projector", decay: true },
  { group: "projector", decay: false },
] as const;

function layOut(parameters: readonly NewParameter[]) {
  const entries = new Map<string, ParamEntry>();
  let offset = 0;
  const ends = RUNS.map(({ group, decay }) => {
    for (const { name, shape, data } of parameters.filter((p) => p.group === group && p.decay === decay)) {
      if (entries.has(name)) throw new Error(`There are two parameters named "${name}"`);
      if (data.length !== size(shape))
        throw new RangeError(`"${name}" has shape [${shape.join(", ")}] but ${data.length} values`);
      entries.set(name, { shape, offset, length: data.length, group, decay });
      offset += Math.ceil(data.length / ALIGN) * ALIGN;
    }
    return offset;
  });
  const [a = 0, b = 0, c = 0, d = 0] = ends;
  return { entries, length: offset, ends: [a, b, c, d] as const };
}

/** @throws Error when the arena is larger than the adapter's largest storage binding. */
export function createParamStore(gpu: Gpu, parameters: readonly NewParameter[]): ParamStore {
  const { device } = gpu;
  const { entries, length, ends } = layOut(parameters);
  const arenaBytes = length * ELEMENT_BYTES;
  const most = device.limits.maxStorageBufferBindingSize;
  if (arenaBytes > most)
    throw new Error(
      `The student has ${length} parameters (${arenaBytes} bytes); this adapter binds at most ${most} bytes of memory at once`,
    );
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = (label: Arena) => device.createBuffer({ label, size: arenaBytes, usage }); // starts zeroed
  const buffers = { params: buffer("params"), grads: buffer("grads"), m: buffer("m"), v: buffer("v") };
  for (const { name, data } of parameters)
    device.queue.writeBuffer(
      buffers.params,
      entries.get(name)!.offset * ELEMENT_BYTES,
      data as GPUAllowSharedBufferSource,
    ); // laid out above

  const whole = (arena: Arena) => fixed(arena, buffers[arena], 0, length);
  const tensors = new Map(
    [...entries].map(([name, { offset, length: count }]) => [
      name,
      {
        value: fixed(name, buffers.params, offset, count),
        grad: fixed(`d${name}`, buffers.grads, offset, count),
      },
    ]),
  );
  const named = async (arena: Arena, keep: (entry: ParamEntry) => boolean) => {
    const all = await download(device, buffers[arena]);
    return new Map(
      [...entries]
        .filter(([, entry]) => keep(entry))
        .map(([name, { shape, offset, length: n }]) => [
          name,
          { shape, data: all.slice(offset, offset + n) },
        ]),
    );
  };
  return {
    entries,
    length,
    ends,
    arenas: { params: whole("params"), grads: whole("grads"), m: whole("m"), v: whole("v") },
    bytes: arenaBytes * ARENAS.length,
    count: (group) =>
      [...entries.values()].filter((e) => e.group === group).reduce((sum, e) => sum + e.length, 0),
    leaf(tape, name) {
      const entry = entries.get(name);
      const tensor = tensors.get(name);
      if (!entry || !tensor) throw new Error(`There is no parameter "${name}"`);
      return tape.leaf(tensor.value, tensor.grad, entry.shape);
    },
    read: (group) => named("params", (entry) => entry.group === group),
    readGradients: () => named("grads", () => true),
    async save() {
      const [params, m, v] = await Promise.all(
        [buffers.params, buffers.m, buffers.v].map((b) => download(device, b)),
      );
      return { params: params!, m: m!, v: v! }; // one per buffer
    },
    restore(state) {
      for (const arena of ["params", "m", "v"] as const) {
        if (state[arena].length !== length)
          throw new RangeError(
            `The saved ${arena} has ${state[arena].length} values, this student ${length}`,
          );
        device.queue.writeBuffer(buffers[arena], 0, state[arena] as GPUAllowSharedBufferSource);
      }
    },
    destroy: () => Object.values(buffers).forEach((b) => b.destroy()),
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

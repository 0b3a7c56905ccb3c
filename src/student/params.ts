// The parameters on the GPU: arenas of weights, gradients and the two moments, cut into segments that the adapter
// can bind (param-layout.ts). An arena's segment is a buffer of its own, because a dispatch may not read one range
// of a buffer and write another.
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, fixed, type Tensor } from "../gpu/program";
import type { NamedTensor } from "../models";
import {
  layOutParams,
  layoutBytes,
  type ParamEntry,
  type ParamGroup,
  type ParamShape,
  type RunEnds,
  segmentBytesOf,
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

const USAGE = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/**
 * @param options `segmentBytes`: the largest segment, by default what the adapter binds at once.
 * @throws RangeError when one parameter alone is larger than the adapter's largest storage binding.
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
  const { entries, length, ends } = layout;
  const make = (label: string, elements: number) =>
    device.createBuffer({ label, size: elements * ELEMENT_BYTES, usage: USAGE() }); // starts zeroed
  const trained = layout.trainable.map((stretch) => ({
    ...stretch,
    buffers: {
      params: make("params", stretch.length),
      grads: make("grads", stretch.length),
      m: make("m", stretch.length),
      v: make("v", stretch.length),
    },
  }));
  const frozen = layout.frozen.map((stretch) => make("frozen params", stretch.length));
  const weightsOf = ({ trainable, segment }: ParamEntry): GPUBuffer =>
    (trainable ? trained[segment]?.buffers.params : frozen[segment])!; // laid out above
  const upload = (parameter: NewParameter) => {
    const entry = entries.get(parameter.name)!; // laid out above
    if (!parameter.data) return;
    const data = parameter.data as GPUAllowSharedBufferSource; // never shared
    device.queue.writeBuffer(weightsOf(entry), entry.offset * ELEMENT_BYTES, data);
  };
  parameters.forEach(upload);

  const leaves = new Map(
    [...entries].map(([name, entry]) => [name, leafTensors(name, entry, weightsOf(entry), trained)]),
  );
  const named = async (buffers: readonly GPUBuffer[], trainable: boolean, group?: ParamGroup) => {
    const out: [string, NamedTensor][] = [];
    for (const [segment, buffer] of buffers.entries()) {
      const here = [...entries].filter(
        ([, e]) => e.trainable === trainable && e.segment === segment && e.group === (group ?? e.group),
      );
      if (here.length === 0) continue;
      const all = await download(device, buffer);
      for (const [name, { shape, offset, length: n }] of here)
        out.push([name, { shape, data: all.slice(offset, offset + n) }]);
    }
    return out;
  };
  const whole = async (arena: Arena): Promise<Float32Array> => {
    const all = new Float32Array(length);
    for (const { base, buffers } of trained) all.set(await download(device, buffers[arena]), base);
    return all;
  };
  /** A state knows nothing of gradients; those of a step that was cut off must not leak into the next. */
  const clear = (arenas: readonly Arena[]) => {
    const encoder = device.createCommandEncoder();
    for (const { buffers } of trained) for (const arena of arenas) encoder.clearBuffer(buffers[arena]);
    device.queue.submit([encoder.finish()]);
  };
  const { weights, gradients, moments } = layoutBytes(layout);
  return {
    entries,
    length,
    ends,
    segments: trained.map(({ base, length: elements, buffers }) => ({
      base,
      length: elements,
      tensors: {
        params: fixed("params", buffers.params, 0, elements),
        grads: fixed("grads", buffers.grads, 0, elements),
        m: fixed("m", buffers.m, 0, elements),
        v: fixed("v", buffers.v, 0, elements),
      },
    })),
    bytes: weights + gradients + moments,
    count: (group) => sum([...entries.values()].filter((e) => e.group === group)),
    trainableCount: sum([...entries.values()].filter((e) => e.trainable)),
    leaf(tape, name) {
      const leaf = leaves.get(name);
      if (!leaf) throw new Error(`There is no parameter "${name}"`);
      return tape.leaf(leaf.value, leaf.grad, leaf.shape);
    },
    async read(group) {
      const params = trained.map(({ buffers }) => buffers.params);
      const found = new Map([...(await named(params, true, group)), ...(await named(frozen, false, group))]);
      const order = [...parameters].filter((p) => p.group === group);
      return new Map(order.map(({ name }) => [name, found.get(name)!])); // every parameter was laid out
    },
    readGradients: async () =>
      new Map(
        await named(
          trained.map(({ buffers }) => buffers.grads),
          true,
        ),
      ),
    save: async () => ({ params: await whole("params"), m: await whole("m"), v: await whole("v") }),
    restore(state) {
      for (const arena of ["params", "m", "v"] as const)
        if (state[arena].length !== length)
          throw new RangeError(
            `The saved ${arena} has ${state[arena].length} values, this student ${length}`,
          );
      clear(["grads"]);
      for (const arena of ["params", "m", "v"] as const)
        for (const { base, length: elements, buffers } of trained) {
          const part = state[arena].subarray(base, base + elements) as GPUAllowSharedBufferSource; // never shared
          device.queue.writeBuffer(buffers[arena], 0, part);
        }
    },
    clearGradients: () => clear(["grads"]),
    reset() {
      clear(ARENAS);
      parameters.forEach(upload);
    },
    destroy() {
      for (const { buffers } of trained) Object.values(buffers).forEach((b) => b.destroy());
      frozen.forEach((b) => b.destroy());
    },
  };
}

const sum = (entries: readonly ParamEntry[]): number => entries.reduce((total, e) => total + e.length, 0);

/** The tensors of one parameter: its weights, and its gradient when it is trained. */
function leafTensors(
  name: string,
  { offset, length, shape, segment, trainable }: ParamEntry,
  weights: GPUBuffer,
  trained: readonly { buffers: Record<Arena, GPUBuffer> }[],
): { value: Tensor; grad: Tensor | undefined; shape: readonly number[] } {
  const grads = trainable ? trained[segment]?.buffers.grads : undefined;
  return {
    value: fixed(name, weights, offset, length),
    grad: grads && fixed(`d${name}`, grads, offset, length),
    shape,
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

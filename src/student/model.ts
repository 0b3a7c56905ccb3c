// A model on the tape, whatever its family: embedding, blocks, final norm, head. The families say what each is.
import type { Gpu } from "../gpu/device";
import { fixed, type Tensor } from "../gpu/program";
import type { StudentConfig } from "../models";
import { type Attend, type Forward, networkOf, type Place } from "./families";
import type { StudentModel } from "./families/network";
import type { LoraSettings } from "./lora";
import { attention, checkAttentionShape } from "./ops/attention";
import { linear } from "./ops/linear";
import { segmentBytesOf } from "./param-layout";
import type { ParamStore } from "./params";
import type { Tape, Var } from "./tape";

export type { StudentModel };

const MAX_BATCH = 256;
/** Longer contexts exist on paper; a browser trains none, and tables for them would take tens of megabytes. */
const MAX_POSITIONS = 8192;

/** How long a sequence may be. */
export const usablePositions = ({ maxPositions }: StudentConfig): number =>
  Math.min(maxPositions, MAX_POSITIONS);

/** @throws RangeError when the kernels cannot take the model's head size. */
export function createModel(
  gpu: Gpu,
  config: StudentConfig,
  store: ParamStore,
  options: { lora?: LoraSettings | undefined } = {},
): StudentModel {
  checkAttentionShape(config);
  const network = networkOf(config);
  const owned: GPUBuffer[] = [];
  const constant = (label: string, values: Float32Array): Tensor => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const buffer = gpu.device.createBuffer({ label, size: values.byteLength, usage });
    owned.push(buffer);
    gpu.device.queue.writeBuffer(buffer, 0, values as GPUAllowSharedBufferSource); // never shared
    return fixed(label, buffer, 0, values.length);
  };
  const start = constant("start", new Float32Array(MAX_BATCH));
  const tables = new Map(
    Object.entries(network.tables(usablePositions(config))).map(([name, values]) => [
      name,
      constant(`${name} table`, values),
    ]),
  );
  return {
    config,
    network,
    store,
    lora: options.lora,
    rangeBytes: segmentBytesOf(gpu.device.limits),
    constants: {
      start,
      table(name) {
        const table = tables.get(name);
        if (!table) throw new Error(`A ${config.modelType} has no table "${name}"`);
        return table;
      },
    },
    destroy: () => owned.forEach((buffer) => buffer.destroy()),
  };
}

export interface ModelArgs {
  readonly B: number;
  readonly T: number;
  /** u32 (B·T). */
  readonly ids: Tensor;
}

export interface ModelStates {
  /** hidden_states[0], (B·T, D). */
  readonly embedding: Var;
  /** After the final norm, (B·T, D): what the head reads. */
  readonly hidden: Var;
  /** The residual stream after block k = 1 … layers, before any final norm; k = 0 is the embedding. */
  layers(k: number): Var;
}

export interface ModelOptions {
  /** Compute each block once more in the backward pass instead of keeping what lies inside it. */
  readonly recompute?: boolean;
}

/** The forward pass over whole sequences. */
export function recordModel(
  tape: Tape,
  model: StudentModel,
  { B, T, ids }: ModelArgs,
  options: ModelOptions = {},
): ModelStates {
  const { config } = model;
  const { start } = model.constants;
  const positions = usablePositions(config);
  if (T > positions) throw new RangeError(`The student has ${positions} positions, the batch is ${T} long`);
  if (B > MAX_BATCH) throw new RangeError(`A batch holds at most ${MAX_BATCH} rows, got ${B}`);
  const shape = { batch: B, length: T, ...config };
  const attendOn =
    (on: Tape): Attend =>
    (_layer, q, k, v, kind) =>
      attention(on, q, k, v, { ...shape, ...kind }, start);
  return recordBlocks(tape, model, { length: T, ids, start }, attendOn, options);
}

/** The same at a place and with an attention of the caller's: a cache, for generation. */
export function recordBlocks(
  tape: Tape,
  model: StudentModel,
  place: Place,
  attendOn: (tape: Tape) => Attend,
  { recompute = false }: ModelOptions = {},
): ModelStates {
  const { config, network } = model;
  const on = (t: Tape): Forward => ({ tape: t, model, place, attend: attendOn(t) });
  const f = on(tape);
  const stream = [network.embed(f)];
  for (let layer = 0; layer < config.layers; layer++) {
    const x = stream[layer]!; // the one pushed before
    const block = (t: Tape) => network.block(on(t), layer, x);
    stream.push(recompute ? tape.recomputed(block) : block(tape));
  }
  const layers = (k: number): Var => {
    const x = stream[k];
    if (!x) throw new RangeError(`The student has layers 0 to ${config.layers}, asked for ${k}`);
    return x;
  };
  return { embedding: layers(0), hidden: network.finish(f, layers(config.layers)), layers };
}

/** The head's weight (V, D). A tied head is the embedding table; both uses add to one gradient. */
export const headWeight = (tape: Tape, { network, store }: StudentModel): Var =>
  store.leaf(tape, network.head);

/** hidden (R, D) → logits (R, V). */
export const recordHead = (tape: Tape, model: StudentModel, hidden: Var): Var =>
  linear(tape, hidden, headWeight(tape, model), { wide: true });

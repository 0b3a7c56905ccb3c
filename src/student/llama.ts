// Llama on the tape: RMSNorm, rotary positions, grouped-query attention, SwiGLU; tied or untied head.
// Names and semantics are Hugging Face's LlamaForCausalLM.
import type { Gpu } from "../gpu/device";
import { fixed, type Tensor } from "../gpu/program";
import type { LlamaConfig } from "../models";
import { attention } from "./ops/attention";
import { linear } from "./ops/linear";
import { rmsNorm } from "./ops/rms-norm";
import { rope, ropeTable } from "./ops/rope";
import { embedding } from "./ops/rows";
import { swiglu } from "./ops/swiglu";
import type { ParamStore } from "./params";
import type { Tape, Var } from "./tape";

/** A model on the GPU: its parameters, and the constants that its programs share. */
export interface Llama {
  readonly config: LlamaConfig;
  readonly store: ParamStore;
  /** (cos, sin) by position. */
  readonly positions: Tensor;
  /** Zeros: every row of a training batch starts at position 0. */
  readonly start: Tensor;
  destroy(): void;
}

const MAX_BATCH = 256;

export function createLlama(gpu: Gpu, config: LlamaConfig, store: ParamStore): Llama {
  const table = ropeTable(config.maxPositions, config.headDim, config.ropeTheta);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const positions = gpu.device.createBuffer({ label: "rope table", size: table.byteLength, usage });
  const start = gpu.device.createBuffer({ label: "start", size: MAX_BATCH * 4, usage });
  gpu.device.queue.writeBuffer(positions, 0, table as GPUAllowSharedBufferSource);
  return {
    config,
    store,
    positions: fixed("rope table", positions, 0, table.length),
    start: fixed("start", start, 0, MAX_BATCH),
    destroy() {
      positions.destroy();
      start.destroy();
    },
  };
}

export interface LlamaArgs {
  readonly B: number;
  readonly T: number;
  /** u32 (B·T). */
  readonly ids: Tensor;
}

/** What a block computes attention with: the whole sequence, or a cache of what came before. */
export type Attend = (layer: number, q: Var, k: Var, v: Var) => Var;

/** hidden_states[0] and hidden_states[-1] (after the final norm), each (B·T, D). */
export function recordLlama(
  tape: Tape,
  model: Llama,
  { B, T, ids }: LlamaArgs,
): { embedding: Var; hidden: Var } {
  const { config, start } = model;
  if (T > config.maxPositions)
    throw new RangeError(`The student has ${config.maxPositions} positions, the batch is ${T} long`);
  if (B > MAX_BATCH) throw new RangeError(`A batch holds at most ${MAX_BATCH} rows, got ${B}`);
  const shape = { batch: B, length: T, ...config };
  const attend: Attend = (_layer, q, k, v) => attention(tape, q, k, v, shape, start);
  return recordBlocks(tape, model, { length: T, ids, start }, attend);
}

interface Place {
  readonly length: number;
  readonly ids: Tensor;
  /** The position of each row's first token. */
  readonly start: Tensor;
}

export function recordBlocks(tape: Tape, model: Llama, place: Place, attend: Attend) {
  const { config, store } = model;
  const embedded = embedding(tape, store.leaf(tape, "model.embed_tokens.weight"), place.ids);
  let x = embedded;
  for (let layer = 0; layer < config.layers; layer++) x = recordBlock(tape, model, place, layer, x, attend);
  const hidden = rmsNorm(tape, x, store.leaf(tape, "model.norm.weight"), config.rmsNormEps);
  return { embedding: embedded, hidden };
}

function recordBlock(tape: Tape, model: Llama, place: Place, layer: number, x: Var, attend: Attend): Var {
  const { config, store, positions } = model;
  const weight = (name: string) => store.leaf(tape, `model.layers.${layer}.${name}.weight`);
  const { headDim } = config;
  const rotate = (v: Var, heads: number) =>
    rope(tape, v, { length: place.length, heads, headDim, table: positions, start: place.start });

  const normed = rmsNorm(tape, x, weight("input_layernorm"), config.rmsNormEps);
  const q = rotate(linear(tape, normed, weight("self_attn.q_proj")), config.heads);
  const k = rotate(linear(tape, normed, weight("self_attn.k_proj")), config.kvHeads);
  const v = linear(tape, normed, weight("self_attn.v_proj"));
  const mixed = linear(tape, attend(layer, q, k, v), weight("self_attn.o_proj"), { residual: x });

  const again = rmsNorm(tape, mixed, weight("post_attention_layernorm"), config.rmsNormEps);
  const gate = linear(tape, again, weight("mlp.gate_proj"));
  const up = linear(tape, again, weight("mlp.up_proj"));
  return linear(tape, swiglu(tape, gate, up), weight("mlp.down_proj"), { residual: mixed });
}

/** hidden (R, D) → logits (R, V). A tied head is the embedding table; both uses add to one gradient. */
export function recordHead(tape: Tape, { config, store }: Llama, hidden: Var): Var {
  const name = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  return linear(tape, hidden, store.leaf(tape, name));
}

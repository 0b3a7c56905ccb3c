// What a family of models says about its forward pass: how it embeds, what a block is, how it ends. The backward
// pass follows from the ops' adjoints, so there is nothing more to say.
import type { Tensor } from "../../gpu/program";
import type { StudentConfig } from "../../models";
import type { LoraSettings } from "../lora";
import type { WeightLayout } from "../ops/linear";
import type { ParamStore } from "../params";
import type { Tape, Var } from "../tape";

/** Where a pass stands: its tokens, and the position of each row's first one. */
export interface Place {
  /** T: tokens in each row of the batch. */
  readonly length: number;
  /** u32 (B·T). */
  readonly ids: Tensor;
  /** u32 (B). */
  readonly start: Tensor;
}

/** How a layer's attention departs from the usual: its factor of q·k, and how many keys a query sees. */
interface AttentionKind {
  readonly scale?: number | undefined;
  readonly window?: number | undefined;
}

/** What a block computes attention with: the whole sequence, or a cache of what came before. */
export type Attend = (layer: number, q: Var, k: Var, v: Var, kind?: AttentionKind) => Var;

/** One recording of a model on a tape. */
export interface Forward {
  readonly tape: Tape;
  readonly model: StudentModel;
  readonly place: Place;
  readonly attend: Attend;
}

export interface Network {
  /** Constant tables that all programs of a model share, by name: (cos, sin) by position, and the like. */
  tables(positions: number): Readonly<Record<string, Float32Array>>;
  /** Tokens → (B·T, D): what the first block reads, Hugging Face's hidden_states[0]. */
  embed(f: Forward): Var;
  /** One block, residuals included: (B·T, D) → (B·T, D). */
  block(f: Forward, layer: number, x: Var): Var;
  /** The final norm: what the head reads. */
  finish(f: Forward, x: Var): Var;
  /** The name of the head's weight (V, D): of the embedding where they are tied. */
  readonly head: string;
  /** The name of the token table (V, D), without positions. */
  readonly tokens: string;
  /** How the blocks' matrices are stored. */
  readonly layout: WeightLayout;
}

/** A model on the GPU: its parameters, and the constants that its programs share. */
export interface StudentModel {
  readonly config: StudentConfig;
  readonly network: Network;
  readonly store: ParamStore;
  readonly constants: ModelConstants;
  /** Bytes that one binding may have: programs keep larger logits in ranges of their rows. */
  readonly rangeBytes: number;
  /** Adapters beside its matrices; the store holds them. */
  readonly lora: LoraSettings | undefined;
  destroy(): void;
}

interface ModelConstants {
  /** Zeros: every row of a training batch starts at position 0. */
  readonly start: Tensor;
  /** One of the network's tables. @throws Error when there is none of that name. */
  table(name: string): Tensor;
}

/** A parameter of the model being recorded. */
export const leaf = ({ tape, model }: Forward, name: string): Var => model.store.leaf(tape, name);

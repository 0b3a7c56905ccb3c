// What Couplet knows of a family of models, in one record: reading and writing its config.json, the names and shapes of
// its weights, and its graph as an ONNX file. Its forward pass on the GPU is in src/student/families. All else that
// depends on the family is derived from these records.

import type { Transformers } from "../hub";
import type { Builder } from "../onnx/builder";
import type { CommonConfig, Shapes } from "./common";
import type { Json } from "./config-fields";

/** A decoder of transformers.js. */
type DecoderClass = Exclude<
  Extract<keyof Transformers, `${string}ForCausalLM` | `${string}LMHeadModel`>,
  "AutoModelForCausalLM"
>;

/** A model_type of config.json. */
export interface ModelType {
  /** Its class, in Transformers and in transformers.js. */
  readonly decoder: DecoderClass;
  /** The context length that Transformers takes where config.json is silent. */
  readonly maxPositions: number;
  /** Well-known models of this type, where its name does not say them. */
  readonly known?: string;
}

interface AnyConfig extends CommonConfig {
  readonly modelType: string;
}

export interface Family<C extends AnyConfig = AnyConfig> {
  readonly id: string;
  readonly types: Readonly<Record<C["modelType"], ModelType>>;
  /** @throws ModelError for a field that is invalid, or that would change the arithmetic and is not implemented */
  parse(config: Json, modelType: C["modelType"]): C;
  /** The inverse of `parse`. */
  json(config: C): Json;
  /** Every parameter, in the order of the network: the token table comes first. */
  shapes(config: C): Shapes;
  /** The name in `shapes` of a tensor as files name it, undefined for one that is not a weight. Default: the same name. */
  weightName?(stored: string): string | undefined;
  /** The module that holds the network: exporters put others around it. */
  readonly root: string;
  /** The modules of an untied head: its own, then other names that files have for it. */
  readonly heads: readonly string[];
  /** What norms add to their weight before they multiply with it. */
  readonly normOffset: number;
  /** Records the graph from input_ids to logits, attention masks and the KV cache included. */
  graph(onnx: Builder, config: C): void;
}

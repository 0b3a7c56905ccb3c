// What every family's config has in common, under one set of names.

import { flag, invalid, type Json, size, tokenId } from "./config-fields";

export interface CommonConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly maxPositions: number;
  readonly tiedEmbeddings: boolean;
  readonly eosId: number;
  readonly padId: number;
}

/** A file's tensors: names and shapes, in the order of the network. */
export type Shapes = Map<string, readonly number[]>;

export function tokenIds(config: Json, vocabSize: number): Pick<CommonConfig, "eosId" | "padId"> {
  const eosId = tokenId(config, "eos_token_id", vocabSize);
  if (eosId === undefined) throw invalid("eos_token_id is missing; the student could never learn to stop");
  return { eosId, padId: padId(config, vocabSize) ?? eosId };
}

/** Padding is masked and never looked at: −1 and vocab_size, which files use for "none", stand for no token here. */
function padId(config: Json, vocabSize: number): number | undefined {
  const id = config["pad_token_id"];
  const none = typeof id === "number" && Number.isInteger(id) && (id < 0 || id >= vocabSize);
  return none ? undefined : tokenId(config, "pad_token_id", vocabSize);
}

export function checkHeads({ heads, kvHeads, headDim }: CommonConfig): void {
  if (heads % kvHeads !== 0) {
    throw invalid(`num_attention_heads (${heads}) must be a multiple of num_key_value_heads (${kvHeads})`);
  }
  if (headDim % 2 !== 0) throw invalid(`head_dim must be even for rotary positions, got ${headDim}`);
}

/** What Transformers takes where a config.json is silent. */
export interface Defaults {
  readonly tied: boolean;
  readonly maxPositions: number;
  readonly headDim?: number;
  readonly heads: number;
  /** Where the file has none; as many as heads unless said, and where the file says null. */
  readonly kvHeads?: number;
}

/** The sizes under the names that all families but GPT-2 use. */
export function commonConfig(config: Json, defaults: Defaults): CommonConfig {
  const hiddenSize = size(config, "hidden_size");
  const heads = size(config, "num_attention_heads", defaults.heads);
  const vocabSize = size(config, "vocab_size");
  return {
    vocabSize,
    hiddenSize,
    intermediateSize: size(config, "intermediate_size"),
    layers: size(config, "num_hidden_layers"),
    heads,
    kvHeads: size(config, "num_key_value_heads", kvDefault(config, heads, defaults)),
    headDim: size(config, "head_dim", defaults.headDim ?? hiddenSize / heads),
    maxPositions: size(config, "max_position_embeddings", defaults.maxPositions),
    tiedEmbeddings: flag(config, "tie_word_embeddings", defaults.tied),
    ...tokenIds(config, vocabSize),
  };
}

function kvDefault(config: Json, heads: number, { kvHeads }: Defaults): number {
  if (config["num_key_value_heads"] === null || kvHeads === undefined) return heads;
  return heads % kvHeads === 0 ? kvHeads : heads;
}

/** The inverse of commonConfig. */
export const commonJson = (config: CommonConfig): Json => ({
  vocab_size: config.vocabSize,
  hidden_size: config.hiddenSize,
  intermediate_size: config.intermediateSize,
  num_hidden_layers: config.layers,
  num_attention_heads: config.heads,
  num_key_value_heads: config.kvHeads,
  head_dim: config.headDim,
  max_position_embeddings: config.maxPositions,
  ...tokenJson(config),
});

export const tokenJson = (config: CommonConfig): Json => ({
  tie_word_embeddings: config.tiedEmbeddings,
  eos_token_id: config.eosId,
  pad_token_id: config.padId,
  torch_dtype: "float32",
  use_cache: true,
});

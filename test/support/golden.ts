// The student goldens of reference/goldens, decoded.
import { readFileSync } from "node:fs";
import type { LlamaConfig, NamedTensor } from "../../src/models";
import { NO_ROW } from "../../src/student";

export interface Encoded {
  readonly shape: number[];
  readonly data: string;
}

export interface StudentGolden {
  readonly config: Record<string, number | boolean>;
  readonly optimizer: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    clip: number;
  };
  readonly batch: { rows: number; length: number; ids: number[]; labels: number[] };
  readonly weights: Record<string, Encoded>;
}

export const readGolden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../fixtures/student/${name}.json`, import.meta.url), "utf8")) as T;

export const floatsOf = (base64: string): Float32Array => {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

export const tensorsOf = (encoded: Record<string, Encoded>): Map<string, NamedTensor> =>
  new Map(Object.entries(encoded).map(([name, { shape, data }]) => [name, { shape, data: floatsOf(data) }]));

export const llamaConfigOf = (c: StudentGolden["config"]): LlamaConfig => ({
  modelType: "llama",
  vocabSize: Number(c.vocab_size),
  hiddenSize: Number(c.hidden_size),
  intermediateSize: Number(c.intermediate_size),
  layers: Number(c.num_hidden_layers),
  heads: Number(c.num_attention_heads),
  kvHeads: Number(c.num_key_value_heads),
  headDim: Number(c.head_dim),
  rmsNormEps: Number(c.rms_norm_eps),
  ropeTheta: Number(c.rope_theta),
  maxPositions: Number(c.max_position_embeddings),
  tiedEmbeddings: c.tie_word_embeddings === true,
  eosId: 1,
  padId: 0,
});

export const goldenBatch = ({ batch }: StudentGolden) => ({
  ids: Uint32Array.from(batch.ids),
  labels: Uint32Array.from(batch.labels, (label) => (label < 0 ? NO_ROW : label)),
});

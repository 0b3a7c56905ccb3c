// Small Llamas with seeded weights, for tests that need a model and not a particular one.
import { expectedTensors, type LlamaConfig, type NamedTensor } from "../../src/models";
import { normals } from "./nn";

export const tinyConfig: LlamaConfig = {
  modelType: "llama",
  vocabSize: 29,
  hiddenSize: 24,
  intermediateSize: 40,
  layers: 2,
  heads: 6,
  kvHeads: 2,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  maxPositions: 64,
  tiedEmbeddings: true,
  eosId: 1,
  padId: 0,
};

/** Weights with enough spread that different inputs give different tokens. */
export function randomWeights(config: LlamaConfig, seed: number): Map<string, NamedTensor> {
  return new Map(
    [...expectedTensors(config)].map(([name, shape], i) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const data = normals(seed * 1000 + i, count, shape.length > 1 ? 0.3 : 0.2);
      if (shape.length === 1) data.forEach((value, j) => (data[j] = 1 + value));
      return [name, { shape, data }];
    }),
  );
}

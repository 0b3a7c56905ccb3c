// Tiny models made on the spot: seeded random Llama weights and a small byte-level BPE, written by our own exporter.
import { createRng } from "../../../src/config/rng";
import {
  exportStudentFolder,
  expectedTensors,
  type LlamaConfig,
  memoryFiles,
  type NamedTensor,
} from "../../../src/models";

export const tinyConfig: LlamaConfig = {
  modelType: "llama",
  vocabSize: 272,
  hiddenSize: 24,
  intermediateSize: 40,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 64,
  tiedEmbeddings: true,
  eosId: 1,
  padId: 0,
};

const MERGES = [
  "t h",
  "th e",
  "Ġ the",
  "Ġ a",
  "i n",
  "in g",
  "Ġ i",
  "e r",
  "1 2",
  "o n",
  "Ġ o",
  "a n",
  "an d",
  "Ġ s",
];

/** GPT-2's printable form of each byte. */
export function byteChars(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, b) =>
    String.fromCodePoint((b > 32 && b < 127) || (b > 160 && b !== 173) ? b : next++),
  );
}

/** An added token of tokenizer.json. */
export const special = (id: number, content: string) => ({
  ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
});

export function tokenizerFiles(): Map<string, Uint8Array> {
  const tokens = ["<pad>", "<eos>", ...byteChars(), ...MERGES.map((merge) => merge.replace(" ", ""))];
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(0, "<pad>"), special(1, "<eos>")],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: MERGES,
    },
  };
  const settings = {
    tokenizer_class: "PreTrainedTokenizerFast",
    eos_token: "<eos>",
    pad_token: "<pad>",
    clean_up_tokenization_spaces: false,
  };
  return new Map([
    ["tokenizer.json", encode(json)],
    ["tokenizer_config.json", encode(settings)],
  ]);
}

export function randomTensors(config: LlamaConfig, seed: number): Map<string, NamedTensor> {
  const rng = createRng(seed);
  return new Map(
    [...expectedTensors(config)].map(([name, shape]) => {
      const data = Float32Array.from({ length: shape.reduce((p, n) => p * n, 1) }, () => rng.normal() * 0.3);
      return [name, { shape, data: name.includes("norm") ? data.map((x) => 1 + x) : data }];
    }),
  );
}

export async function tinyFolder(
  config: LlamaConfig = tinyConfig,
  seed = 1,
): Promise<Map<string, Uint8Array>> {
  return exportStudentFolder(config, randomTensors(config, seed), memoryFiles("tiny", tokenizerFiles()));
}

/** The model behind test/fixtures/quantized: wide enough for blocks of 32, its head stored apart. */
export const quantizedConfig: LlamaConfig = {
  ...tinyConfig,
  ...{ hiddenSize: 32, intermediateSize: 64, headDim: 8, layers: 1, tiedEmbeddings: false },
};

export const quantizedFolder = (): Promise<Map<string, Uint8Array>> => tinyFolder(quantizedConfig, 5);

export const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

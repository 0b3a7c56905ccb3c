// config.json of models that users come with — plan
//   each is read, and the tensors that it implies add up to the size that its makers state
//   what is told of a family: grouped queries, scaled positions, windows, rotated values
import { expect, test } from "vitest";
import { expectedTensors, parseModelConfig } from "../../../src/models";

const llama3 = {
  rope_type: "llama3",
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** The fields that matter, with the oddities of each file: windows that are off, scalings that are null. */
const CONFIGS: Record<string, [json: object, parameters: number, told: object]> = {
  "SmolLM2-135M": [
    {
      ...sizes(49152, 576, 1536, 30, 9, 3),
      model_type: "llama",
      max_position_embeddings: 8192,
      rms_norm_eps: 1e-5,
      rope_theta: 100000,
      rope_interleaved: false,
      tie_word_embeddings: true,
      eos_token_id: 2,
      pad_token_id: 2,
    },
    134_515_008,
    { kvHeads: 3, headDim: 64, ropeTheta: 100000 },
  ],
  "TinyLlama-1.1B": [
    {
      ...sizes(32000, 2048, 5632, 22, 32, 4),
      model_type: "llama",
      pretraining_tp: 1,
      rope_scaling: null,
      tie_word_embeddings: false,
      attention_bias: false,
      eos_token_id: 2,
    },
    1_100_048_384,
    { tiedEmbeddings: false, maxPositions: 2048 },
  ],
  "Llama-3.2-1B": [
    {
      ...sizes(128256, 2048, 8192, 16, 32, 8),
      model_type: "llama",
      head_dim: 64,
      max_position_embeddings: 131072,
      rope_scaling: llama3,
      rope_theta: 500000,
      tie_word_embeddings: true,
      eos_token_id: [128001, 128008, 128009],
    },
    1_235_814_400,
    { eosId: 128001, ropeScaling: { type: "llama3", factor: 32 } },
  ],
  "Qwen2.5-0.5B": [
    {
      ...sizes(151936, 896, 4864, 24, 14, 2),
      model_type: "qwen2",
      max_window_layers: 24,
      sliding_window: 32768,
      use_sliding_window: false,
      rope_theta: 1e6,
      tie_word_embeddings: true,
      eos_token_id: 151643,
    },
    494_032_768,
    { attentionBias: true, headDim: 64 },
  ],
  "Qwen3-0.6B": [
    {
      ...sizes(151936, 1024, 3072, 28, 16, 8),
      model_type: "qwen3",
      head_dim: 128,
      max_window_layers: 28,
      sliding_window: null,
      use_sliding_window: false,
      rope_theta: 1e6,
      tie_word_embeddings: true,
      eos_token_id: 151645,
    },
    596_049_920,
    { headDim: 128, heads: 16 },
  ],
  "GPT-2": [
    {
      model_type: "gpt2",
      vocab_size: 50257,
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
      n_positions: 1024,
      n_ctx: 1024,
      activation_function: "gelu_new",
      attn_pdrop: 0.1,
      eos_token_id: 50256,
    },
    124_439_808,
    { intermediateSize: 3072, tiedEmbeddings: true },
  ],
  "Pythia-70M": [
    {
      ...sizes(50304, 512, 2048, 6, 8),
      model_type: "gpt_neox",
      hidden_act: "gelu",
      rotary_pct: 0.25,
      rotary_emb_base: 10000,
      use_parallel_residual: true,
      tie_word_embeddings: false,
      eos_token_id: 0,
    },
    70_426_624,
    { rotary: 16, parallelResidual: true, attentionBias: true },
  ],
  "Gemma-3-270M": [
    {
      ...sizes(262144, 640, 2048, 18, 4, 1),
      model_type: "gemma3_text",
      head_dim: 256,
      hidden_activation: "gelu_pytorch_tanh",
      query_pre_attn_scalar: 256,
      rope_theta: 1e6,
      rope_local_base_freq: 10000,
      rope_scaling: null,
      sliding_window: 512,
      _sliding_window_pattern: 6,
      attn_logit_softcapping: null,
      final_logit_softcapping: null,
      use_bidirectional_attention: false,
      eos_token_id: 1,
      pad_token_id: 0,
    },
    268_098_176,
    { slidingWindow: 512, tiedEmbeddings: true, localRopeTheta: 10000 },
  ],
};

function sizes(vocab: number, width: number, inner: number, layers: number, heads: number, keys?: number) {
  return {
    vocab_size: vocab,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    ...(keys !== undefined && { num_key_value_heads: keys }),
  };
}

test.each(Object.entries(CONFIGS))("%s", (_, [json, parameters, told]) => {
  const config = parseModelConfig(json);
  expect(config).toMatchObject(told);
  const shapes = [...expectedTensors(config).values()];
  expect(shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(parameters);
});

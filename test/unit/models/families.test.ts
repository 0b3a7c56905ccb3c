// config.json and tensors of the families — plan
//   round trip    parse, write, parse again gives the same config × every family's golden and a scaled Llama
//   older files   rope_scaling beside rope_theta, rotary_pct, sliding_window_pattern, GPT-2 without its prefix and with
//                 causal masks, GPT-NeoX's two names of the head
//   defaults      what a family takes a missing field to mean
//   refusals      each field that would change the arithmetic, by name, family by family
//   one file      only src/models/families and src/student/families tell families apart
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import {
  expectedTensors,
  type Gemma3Config,
  modelConfigJson,
  type NamedTensor,
  parseModelConfig,
  type StudentConfig,
} from "../../../src/models";
import { MODEL_TYPES } from "../../../src/models/families/config";
import { checkTensors } from "../../../src/models/student/student-weights";
import { configOf, readGolden, type StudentGolden } from "../../support/golden";

const golden = (name: string) => readGolden<StudentGolden>(name);
const NAMES = [
  "llama-tied-gqa",
  "llama-llama3",
  "llama-yarn-biases",
  "llama-linear",
  "qwen2",
  "qwen3",
  "gpt2",
  "gpt-neox",
  "gpt-neox-in-turn",
  "gemma3",
];

test.each(NAMES)("%s reads back as written", (name) => {
  const config = configOf(golden(name));
  expect(parseModelConfig(JSON.parse(JSON.stringify(modelConfigJson(config))))).toEqual(config);
});

const plain = (name: string, changes: object, without: string[] = []): StudentConfig => {
  const json: Record<string, unknown> = { ...golden(name).config, ...changes };
  for (const field of without) delete json[field];
  return parseModelConfig(json);
};

describe("older files", () => {
  const nested = ["rope_parameters"];

  test("rope_scaling beside rope_theta", () => {
    const scaling = { type: "yarn", factor: 4, original_max_position_embeddings: 16 };
    expect(plain("qwen2", { rope_scaling: scaling, rope_theta: 1e6 }, nested)).toMatchObject({
      ropeTheta: 1e6,
      ropeScaling: {
        type: "yarn",
        betaFast: 32,
        betaSlow: 1,
        truncate: true,
        attentionFactor: 0.1 * Math.log(4) + 1,
      },
    });
    const dynamic = plain("llama-linear", { rope_scaling: { type: "dynamic", factor: 2 } }, nested);
    expect(dynamic).toMatchObject({ ropeTheta: 10_000, ropeScaling: { type: "dynamic", factor: 2 } });
    const weighted = { type: "yarn", factor: 4, mscale: 2, mscale_all_dim: 1 };
    const ratio = (0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1);
    expect(plain("llama-linear", { rope_scaling: weighted }, nested)).toMatchObject({
      ropeScaling: { attentionFactor: ratio, originalPositions: 32 },
    });
  });

  test("rotary_pct and rotary_emb_base", () =>
    expect(plain("gpt-neox", { rotary_pct: 0.5, rotary_emb_base: 500 }, nested)).toMatchObject({
      rotary: 4,
      ropeTheta: 500,
    }));

  test("sliding_window_pattern and rope_local_base_freq", () => {
    const changes = { sliding_window_pattern: 2, rope_theta: 1e5, rope_local_base_freq: 300 };
    const config = plain("gemma3", changes, ["rope_parameters", "layer_types"]) as Gemma3Config;
    expect(config.sliding).toEqual([true, false, true]);
    expect(config).toMatchObject({ ropeTheta: 1e5, localRopeTheta: 300 });
    const six = plain("gemma3", { num_hidden_layers: 12 }, ["layer_types"]) as Gemma3Config;
    expect(six.sliding.map(Number).join("")).toBe("111110111110");
  });
});

describe("defaults", () => {
  test("GPT-2", () =>
    expect(plain("gpt2", { n_inner: null }, ["tie_word_embeddings", "activation_function"])).toMatchObject({
      intermediateSize: 80,
      tiedEmbeddings: true,
      activation: "gelu_new",
    }));
  test("Gemma 3", () =>
    expect(plain("gemma3", {}, ["head_dim", "tie_word_embeddings", "rope_parameters"])).toMatchObject({
      headDim: 256,
      tiedEmbeddings: true,
      ropeTheta: 1e6,
      localRopeTheta: 1e4,
    }));
  test("Qwen2's windows are off, or begin past its layers", () => {
    expect(plain("qwen2", { sliding_window: 4096 })).toEqual(plain("qwen2", {}));
    const beyond = { use_sliding_window: true, max_window_layers: 2 };
    expect(plain("qwen2", beyond, ["layer_types"])).toEqual(plain("qwen2", {}));
  });
  test("Qwen3's head size", () => expect(plain("qwen3", {}, ["head_dim"]).headDim).toBe(128));
});

test.each([
  ["qwen2", { use_sliding_window: true, max_window_layers: 1 }, "use_sliding_window is true"],
  ["qwen3", { num_experts: 8 }, "one feed-forward part in each layer, not a mixture of experts"],
  ["gpt2", { scale_attn_by_inverse_layer_idx: true }, "every layer scales scores alike"],
  ["gpt2", { scale_attn_weights: false }, "scores are divided by √head"],
  ["gpt2", { add_cross_attention: true }, "a decoder without an encoder"],
  ["gpt2", { activation_function: "relu" }, 'activation_function is "relu"; supported is "gelu", "gelu_new"'],
  ["gpt2", { n_head: 3 }, "n_embd (20) must be a multiple of n_head (3)"],
  ["gpt-neox", { hidden_act: "silu" }, 'hidden_act is "silu"'],
  [
    "gpt-neox",
    { rope_parameters: { partial_rotary_factor: 0.1 } },
    "rotary_pct must leave an even number of values to rotate, got 0 of 8",
  ],
  ["gpt-neox", { rope_parameters: { partial_rotary_factor: 2 } }, "must be at most 1, got 2"],
  ["gemma3", { model_type: "gemma3" }, 'model_type is "gemma3"; supported is'],
  ["gemma3", { attn_logit_softcapping: 50 }, "scores are not capped"],
  ["gemma3", { final_logit_softcapping: 30 }, "logits are not capped"],
  ["gemma3", { use_bidirectional_attention: true }, "a causal decoder"],
  ["gemma3", { hidden_activation: "silu" }, 'supported is "gelu_pytorch_tanh"'],
  ["gemma3", { layer_types: ["full_attention"] }, "layer_types must list 3 layers"],
  [
    "gemma3",
    { layer_types: ["full_attention", "chunked_attention", "full_attention"] },
    '"chunked_attention"',
  ],
  [
    "gemma3",
    { rope_parameters: { sliding_attention: { rope_type: "linear", factor: 2 } } },
    "plain positions in sliding layers",
  ],
])("%s refuses %j", (name, changes, words) =>
  expect(() => plain(name, changes)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(words) }),
  ),
);

describe("tensors", () => {
  const zeros = (...shape: number[]): NamedTensor => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });
  const all = (config: StudentConfig) =>
    new Map([...expectedTensors(config)].map(([name, shape]) => [name, zeros(...shape)]));

  test("GPT-2 without its prefix, with causal masks", () => {
    const config = plain("gpt2", {});
    const stored = new Map([...all(config)].map(([name, t]) => [name.replace("transformer.", ""), t]));
    stored.set("h.0.attn.bias", zeros(1, 1, 24, 24)).set("h.0.attn.masked_bias", zeros(1));
    expect([...checkTensors(config, stored).keys()]).toEqual([...expectedTensors(config).keys()]);
    expect(() => checkTensors(config, stored.set("h.0.attn.extra", zeros(1)))).toThrow(
      /does not explain transformer.h.0.attn.extra: this is not the plain gpt2/,
    );
  });

  test("GPT-NeoX's head under its newest name, tied or not", () => {
    const config = plain("gpt-neox", {});
    const stored = all(config);
    const head = stored.get("embed_out.weight")!;
    stored.delete("embed_out.weight");
    expect(() => checkTensors(config, stored)).toThrow(
      /embed_out.weight is missing .*tie_word_embeddings: false/,
    );
    stored.set("lm_head.weight", head).set("gpt_neox.layers.0.attention.bias", zeros(1));
    expect([...checkTensors(config, stored).keys()].at(-1)).toBe("embed_out.weight");
    const tied = plain("gpt-neox", { tie_word_embeddings: true });
    expect(checkTensors(tied, stored).has("embed_out.weight")).toBe(false);
    head.data[3] = 1; // stale, and not used
    expect(checkTensors(tied, stored).has("embed_out.weight")).toBe(false);
  });

  test("biases where the config has them, and nowhere else", () => {
    const biases = (config: StudentConfig) =>
      [...expectedTensors(config).keys()].filter((n) => /layers\.0\.(self_attn|mlp).*bias/.test(n)).length;
    expect(biases(plain("llama-yarn-biases", {}))).toBe(7);
    expect(biases(plain("qwen2", {}))).toBe(3);
    expect(biases(plain("qwen3", { attention_bias: true }))).toBe(4);
    expect(biases(plain("llama-linear", {}))).toBe(0);
  });
});

test("nothing outside the families' own files tells them apart", () => {
  const src = resolve(import.meta.dirname, "../../../src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.tsx?$/.test(file) && !/^(models|student)\/families\//.test(file),
  );
  const types = Object.keys(MODEL_TYPES).join("|");
  const told = new RegExp(
    `(?:case|[!=]==)\\s*"(?:${types})"|"(?:${types})"\\s*[!=]==|\\b(?:${types}): *["{(]`,
  );
  expect(told.test('if (modelType === "gpt2")')).toBe(true);
  expect(told.test('  gpt_neox: "GPTNeoXForCausalLM",')).toBe(true);
  expect(files.length).toBeGreaterThan(300);
  expect(files.filter((file) => told.test(readFileSync(resolve(src, file), "utf8")))).toEqual([]);
});

// A student as an ONNX file: standard operators only, KV cache, and the input, output and dimension names that
// transformers.js and optimum use. Weights are stored [in, out] (a MatMul's right side), as tracing exporters do.
// One function for each family; what they share is in parts.ts.

import type { Gemma3Config, Gpt2Config, GptNeoxConfig, LlamaConfig, StudentConfig } from "../families/config";
import { type Builder, createBuilder, scope } from "./builder";
import {
  attend,
  attentionMask,
  columns,
  gelu,
  layerNorm,
  rmsNorm,
  rotaryTables,
  rotate,
  silu,
  splitHeads,
} from "./parts";
import { FLOAT, INT64 } from "./wire";
import { type Parts, unfilledModel, type UnfilledModel, valueInfo } from "./write";
import type { NamedTensor } from "../files/safetensors";
import { checkTensors, expectedTensors } from "../student/student-weights";

/** `half` stores the weights in f16, half the bytes; arithmetic stays f32. */
export function studentToOnnx(
  config: StudentConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  { half = false }: { half?: boolean } = {},
): Uint8Array {
  const checked = checkTensors(config, tensors);
  const model = unfilledGraph(config, half);
  for (const [name, { data }] of checked) model.fill(name, data);
  return model.bytes;
}

/** The same with one parameter in memory at a time, beside the file. */
export async function writeStudentOnnx(
  config: StudentConfig,
  read: (parameter: string) => Promise<NamedTensor>,
): Promise<Uint8Array> {
  const model = unfilledGraph(config, false);
  for (const name of model.parameters) model.fill(name, (await read(name)).data);
  return model.bytes;
}

function unfilledGraph(config: StudentConfig, half: boolean): UnfilledModel {
  const graph = createBuilder(expectedTensors(config), half);
  switch (config.modelType) {
    case "llama":
    case "qwen2":
    case "qwen3":
      llama(graph, config);
      break;
    case "gpt2":
      gpt2(graph, config);
      break;
    case "gpt_neox":
      gptNeox(graph, config);
      break;
    case "gemma3_text":
      gemma3(graph, config);
      break;
  }
  const { nodes, initializers } = graph;
  return unfilledModel(config.modelType, { nodes, initializers, ...graphValues(config) });
}

function llama(graph: Builder, config: LlamaConfig): void {
  const { heads, kvHeads, headDim, rmsNormEps: eps } = config;
  const rotary = rotaryTables(graph, headDim, config);
  const mask = attentionMask(graph);
  const block = (x: string, layer: number): string => {
    const module = `model.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.self_attn`];
    const inner = scope(attention);
    const normed = rmsNorm(graph, x, `${module}.input_layernorm`, eps);
    const project = (which: string, count: number): string => {
      const y = splitHeads(
        graph,
        `${inner}/${which}`,
        graph.linear(`${attention}.${which}_proj`, normed),
        count,
        headDim,
      );
      // Qwen3 normalizes each head of queries and keys.
      return graph.has(`${attention}.${which}_norm.weight`)
        ? rmsNorm(graph, y, `${attention}.${which}_norm`, eps)
        : y;
    };
    const turned = (which: string, count: number): string =>
      rotate(graph, `${inner}/rotary_${which}`, project(which, count), rotary, headDim);
    const [q, k, v] = [turned("q", heads), turned("k", kvHeads), project("v", kvHeads)];
    const mixed = graph.linear(
      `${attention}.o_proj`,
      attend(graph, config, { layer, at: inner, q, k, v, mask }),
    );
    const between = graph.node("Add", `${at}/Add`, [x, mixed]);
    const again = rmsNorm(graph, between, `${module}.post_attention_layernorm`, eps);
    const gate = silu(graph, `${at}/mlp/act_fn`, graph.linear(`${module}.mlp.gate_proj`, again));
    const gated = graph.node("Mul", `${at}/mlp/Mul`, [gate, graph.linear(`${module}.mlp.up_proj`, again)]);
    return graph.node("Add", `${at}/Add_1`, [between, graph.linear(`${module}.mlp.down_proj`, gated)]);
  };
  const stream = blocks(config, lookup(graph, "model.embed_tokens"), block);
  head(graph, config, rmsNorm(graph, stream, "model.norm", eps), "lm_head", "model.embed_tokens");
}

function gpt2(graph: Builder, config: Gpt2Config): void {
  const { heads, headDim, hiddenSize: d, layerNormEps: eps } = config;
  const mask = attentionMask(graph);
  const block = (x: string, layer: number): string => {
    const module = `transformer.h.${layer}`;
    const at = scope(module);
    const fused = graph.conv1d(`${module}.attn.c_attn`, layerNorm(graph, x, `${module}.ln_1`, eps));
    const part = (which: string, i: number): string =>
      splitHeads(
        graph,
        `${at}/attn/${which}`,
        columns(graph, `${at}/attn/Slice_${which}`, fused, i * d, (i + 1) * d),
        heads,
        headDim,
      );
    const [q, k, v] = [part("q", 0), part("k", 1), part("v", 2)];
    const attended = attend(graph, config, { layer, at: `${at}/attn`, q, k, v, mask });
    const between = graph.node("Add", `${at}/Add`, [x, graph.conv1d(`${module}.attn.c_proj`, attended)]);
    const inner = graph.conv1d(`${module}.mlp.c_fc`, layerNorm(graph, between, `${module}.ln_2`, eps));
    const active = gelu(graph, `${at}/mlp/act`, inner, geluForm(config));
    return graph.node("Add", `${at}/Add_1`, [between, graph.conv1d(`${module}.mlp.c_proj`, active)]);
  };
  const positions = graph.node("Gather", "/transformer/wpe/Gather", [
    graph.weight("transformer.wpe.weight"),
    "position_ids",
  ]);
  const start = graph.node("Add", "/transformer/Add", [lookup(graph, "transformer.wte"), positions]);
  const stream = blocks(config, start, block);
  head(graph, config, layerNorm(graph, stream, "transformer.ln_f", eps), "lm_head", "transformer.wte");
}

function gptNeox(graph: Builder, config: GptNeoxConfig): void {
  const { heads, headDim, layerNormEps: eps } = config;
  const rotary = rotaryTables(graph, config.rotary, config);
  const mask = attentionMask(graph);
  const block = (x: string, layer: number): string => {
    const module = `gpt_neox.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.attention`];
    const inner = scope(attention);
    const normed = layerNorm(graph, x, `${module}.input_layernorm`, eps);
    // [B,T,H·3D]: query, key and value head by head.
    const fused = splitHeads(
      graph,
      `${inner}/qkv`,
      graph.linear(`${attention}.query_key_value`, normed),
      heads,
      3 * headDim,
    );
    const part = (which: string, i: number): string =>
      columns(graph, `${inner}/Slice_${which}`, fused, i * headDim, (i + 1) * headDim);
    const turned = (which: string, i: number): string =>
      rotate(graph, `${inner}/rotary_${which}`, part(which, i), rotary, headDim);
    const [q, k, v] = [turned("q", 0), turned("k", 1), part("v", 2)];
    const attended = graph.linear(
      `${attention}.dense`,
      attend(graph, config, { layer, at: inner, q, k, v, mask }),
    );
    const between = graph.node("Add", `${at}/Add`, [x, attended]);
    const read = config.parallelResidual ? x : between;
    const again = layerNorm(graph, read, `${module}.post_attention_layernorm`, eps);
    const wide = graph.linear(`${module}.mlp.dense_h_to_4h`, again);
    const active = gelu(graph, `${at}/mlp/act`, wide, geluForm(config));
    return graph.node("Add", `${at}/Add_1`, [between, graph.linear(`${module}.mlp.dense_4h_to_h`, active)]);
  };
  const stream = blocks(config, lookup(graph, "gpt_neox.embed_in"), block);
  head(
    graph,
    config,
    layerNorm(graph, stream, "gpt_neox.final_layer_norm", eps),
    "embed_out",
    "gpt_neox.embed_in",
  );
}

function gemma3(graph: Builder, config: Gemma3Config): void {
  const { heads, kvHeads, headDim } = config;
  const norm = (x: string, module: string): string => rmsNorm(graph, x, module, config.rmsNormEps, 1);
  const all = { rotary: rotaryTables(graph, headDim, config), mask: attentionMask(graph) };
  const near = {
    rotary: rotaryTables(graph, headDim, { ropeTheta: config.localRopeTheta }, "rotary_emb_local"),
    mask: attentionMask(graph, config.slidingWindow),
  };
  const block = (x: string, layer: number): string => {
    const module = `model.layers.${layer}`;
    const [at, attention] = [scope(module), `${module}.self_attn`];
    const inner = scope(attention);
    const { rotary, mask } = config.sliding[layer] ? near : all;
    const normed = norm(x, `${module}.input_layernorm`);
    const project = (which: string, count: number): string =>
      splitHeads(
        graph,
        `${inner}/${which}`,
        graph.linear(`${attention}.${which}_proj`, normed),
        count,
        headDim,
      );
    const turned = (which: string, count: number): string =>
      rotate(
        graph,
        `${inner}/rotary_${which}`,
        norm(project(which, count), `${attention}.${which}_norm`),
        rotary,
        headDim,
      );
    const [q, k, v] = [turned("q", heads), turned("k", kvHeads), project("v", kvHeads)];
    const scale = config.queryScalar ** -0.5;
    const mixed = graph.linear(
      `${attention}.o_proj`,
      attend(graph, config, { layer, at: inner, q, k, v, mask, scale }),
    );
    const between = graph.node("Add", `${at}/Add`, [x, norm(mixed, `${module}.post_attention_layernorm`)]);
    const again = norm(between, `${module}.pre_feedforward_layernorm`);
    const gate = gelu(graph, `${at}/mlp/act_fn`, graph.linear(`${module}.mlp.gate_proj`, again), "tanh");
    const gated = graph.node("Mul", `${at}/mlp/Mul`, [gate, graph.linear(`${module}.mlp.up_proj`, again)]);
    const down = norm(graph.linear(`${module}.mlp.down_proj`, gated), `${module}.post_feedforward_layernorm`);
    return graph.node("Add", `${at}/Add_1`, [between, down]);
  };
  const tokens = lookup(graph, "model.embed_tokens");
  const start = graph.node("Mul", "/model/embed_tokens/Mul", [
    tokens,
    graph.float(Math.sqrt(config.hiddenSize)),
  ]);
  const stream = blocks(config, start, block);
  head(graph, config, norm(stream, "model.norm"), "lm_head", "model.embed_tokens");
}

function blocks(
  { layers }: StudentConfig,
  start: string,
  block: (x: string, layer: number) => string,
): string {
  let x = start;
  for (let layer = 0; layer < layers; layer++) x = block(x, layer);
  return x;
}

const geluForm = ({ activation }: Gpt2Config | GptNeoxConfig): "erf" | "tanh" =>
  activation === "gelu" ? "erf" : "tanh";

const lookup = (graph: Builder, module: string): string =>
  graph.node("Gather", `${scope(module)}/Gather`, [graph.weight(`${module}.weight`), "input_ids"]);

/** A tied head reads the embedding table through a Transpose, so that it is stored once. */
function head(
  graph: Builder,
  { tiedEmbeddings }: StudentConfig,
  x: string,
  module: string,
  table: string,
): void {
  if (!tiedEmbeddings) {
    graph.linear(module, x, "logits");
    return;
  }
  const right = graph.node("Transpose", "/lm_head/Transpose", [graph.weight(`${table}.weight`)], {
    perm: [1, 0],
  });
  graph.node("MatMul", "/lm_head/MatMul", [x, right], {}, "logits");
}

function graphValues(config: StudentConfig): { inputs: Parts[]; outputs: Parts[] } {
  const [B, T, S, P] = ["batch_size", "sequence_length", "total_sequence_length", "past_sequence_length"];
  const inputs = [
    valueInfo("input_ids", INT64, [B, T]),
    valueInfo("attention_mask", INT64, [B, S]),
    valueInfo("position_ids", INT64, [B, T]),
  ];
  const outputs = [valueInfo("logits", FLOAT, [B, T, config.vocabSize])];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const kind of ["key", "value"]) {
      const cache = (length: string): (string | number)[] => [B, config.kvHeads, length, config.headDim];
      inputs.push(valueInfo(`past_key_values.${layer}.${kind}`, FLOAT, cache(P)));
      outputs.push(valueInfo(`present.${layer}.${kind}`, FLOAT, cache(S)));
    }
  }
  return { inputs, outputs };
}

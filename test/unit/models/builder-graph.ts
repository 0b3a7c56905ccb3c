// A Llama as the model builder of onnxruntime-genai writes it: fused operators of com.microsoft, no position_ids, the
// last sum of the residual stream not returned; on request a head in blocks of 4 bits, and weights in a data file.
import type { LlamaConfig, NamedTensor } from "../../../src/models";
import { concatBytes } from "../../../src/models/files/files";
import { FLOAT, INT64 } from "../../../src/models/onnx/wire";
import {
  type Attribute,
  intField,
  lengthField,
  modelProto,
  nodeProto,
  type Parts,
  tensorProto,
  valueInfo,
} from "../../../src/models/onnx/write";

const MS = "com.microsoft";
const [INT32, UINT8] = [6, 2];

export interface BuilderStyle {
  readonly q4Head?: boolean;
  /** Name of a data file that holds the weights. */
  readonly external?: string;
}

export function builderGraph(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  { q4Head = false, external }: BuilderStyle = {},
): { model: Uint8Array; data: Uint8Array } {
  const { hiddenSize: d, heads, kvHeads, headDim, layers, vocabSize } = config;
  const nodes: Parts[] = [];
  const initializers: Parts[] = [];
  const data: Uint8Array[] = [];
  const store = (
    name: string,
    dims: number[],
    type: number,
    values: Float32Array | BigInt64Array | Uint8Array,
  ) => {
    if (external && values.byteLength > 1024) initializers.push(outside(name, dims, type, values));
    else initializers.push(tensorProto(name, dims, type, values));
    return name;
  };
  const outside = (name: string, dims: number[], type: number, values: ArrayBufferView): Parts => {
    const at = data.reduce((sum, part) => sum + part.length, 0);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    data.push(bytes, new Uint8Array((64 - (bytes.length % 64)) % 64));
    const pair = (key: string, value: string) =>
      lengthField(13, [...lengthField(1, key), ...lengthField(2, value)]);
    const where = [
      ...pair("location", external!),
      ...pair("offset", `${at}`),
      ...pair("length", `${bytes.length}`),
    ];
    return [
      ...dims.map((dim) => intField(1, dim)),
      intField(2, type),
      ...lengthField(8, name),
      ...where,
      intField(14, 1),
    ];
  };
  const node = (
    op: string,
    inputs: string[],
    outputs: string[],
    attributes: Record<string, Attribute> = {},
    domain = "",
    name = outputs[0]!.replace(/\/output_\d$/, `/${op}`),
  ): string => {
    nodes.push([...nodeProto({ op, name, inputs, outputs, attributes }), ...lengthField(7, domain)]);
    return outputs[0]!;
  };
  const weight = (name: string) => tensors.get(name)!;
  const linear = (x: string, module: string, path: string): string => {
    const { shape, data: w } = weight(`${module}.weight`);
    const [out = 0, width = 0] = shape;
    const stored = store(
      `${path.slice(1).replaceAll("/", ".")}.MatMul.weight`,
      [width, out],
      FLOAT,
      flip(w, out, width),
    );
    return node("MatMul", [x, stored], [`${path}/MatMul/output_0`], {}, "", `${path}/MatMul`);
  };

  const scalar = (name: string, value: number, dims: number[] = []) =>
    store(name, dims, INT64, BigInt64Array.of(BigInt(value)));
  const sums = node("ReduceSum", ["attention_mask", scalar("axis", 1, [1])], ["mask_sum"], { keepdims: 1 });
  const lengths = node("Cast", [node("Sub", [sums, scalar("one", 1)], ["mask_sub"])], ["seqlens_k"], {
    to: INT32,
  });
  const width = node(
    "Gather",
    [node("Shape", ["attention_mask"], ["mask_shape"]), scalar("index", 1)],
    ["width"],
    { axis: 0 },
  );
  const total = node("Cast", [width], ["total_seq_len"], { to: INT32 });
  const half = headDim / 2;
  const table = (f: (angle: number) => number) =>
    Float32Array.from({ length: config.maxPositions * half }, (_, i) =>
      f(Math.floor(i / half) * config.ropeTheta ** ((-2 * (i % half)) / headDim)),
    );
  const caches = [
    store("cos_cache", [config.maxPositions, half], FLOAT, table(Math.cos)),
    store("sin_cache", [config.maxPositions, half], FLOAT, table(Math.sin)),
  ];
  const epsilon = { epsilon: { f32: config.rmsNormEps } };
  const gain = (module: string, as = module) =>
    store(`${as}.weight`, [d], FLOAT, weight(`${module}.weight`).data);
  /** x + skip, then normed: returns both. */
  const skipNorm = (
    x: string,
    skip: string,
    path: string,
    gamma: string,
    returned = true,
  ): [string, string] => {
    const [normed, sum] = [`${path}/output_0`, `${path}/output_3`];
    node(
      "SkipSimplifiedLayerNormalization",
      [x, skip, gamma],
      returned ? [normed, "", "", sum] : [normed],
      epsilon,
      MS,
    );
    return [normed, sum];
  };

  const embed = store(
    "model.embed_tokens.weight",
    [vocabSize, d],
    FLOAT,
    weight("model.embed_tokens.weight").data,
  );
  let x = node("Gather", [embed, "input_ids"], ["/model/embed_tokens/Gather/output_0"]);
  let pending: string | undefined;
  for (let layer = 0; layer < layers; layer++) {
    const [hf, at] = [`model.layers.${layer}`, `/model/layers.${layer}`];
    let normed: string;
    const gamma = gain(`${hf}.input_layernorm`);
    if (pending === undefined) {
      const attributes = { ...epsilon, axis: -1, stash_type: 1 };
      normed = node(
        "SimplifiedLayerNormalization",
        [x, gamma],
        [`${at}/input_layernorm/output_0`],
        attributes,
      );
    } else [normed, x] = skipNorm(x, pending, `${at}/input_layernorm`, gamma);
    const [q, k, v] = ["q", "k", "v"].map((p) =>
      linear(normed, `${hf}.self_attn.${p}_proj`, `${at}/attn/${p}_proj`),
    );
    const past = ["key", "value"].map((kind) => `past_key_values.${layer}.${kind}`);
    const present = ["key", "value"].map((kind) => `present.${layer}.${kind}`);
    const attended = node(
      "GroupQueryAttention",
      [q!, k!, v!, ...past, lengths, total, ...caches],
      [`${at}/attn/GroupQueryAttention/output_0`, ...present],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        do_rotary: 1,
        rotary_interleaved: 0,
        scale: { f32: headDim ** -0.5 },
      },
      MS,
    );
    const mixed = linear(attended, `${hf}.self_attn.o_proj`, `${at}/attn/o_proj`);
    [normed, x] = skipNorm(
      x,
      mixed,
      `${at}/post_attention_layernorm`,
      gain(`${hf}.post_attention_layernorm`),
    );
    const gate = linear(normed, `${hf}.mlp.gate_proj`, `${at}/mlp/gate_proj`);
    const up = linear(normed, `${hf}.mlp.up_proj`, `${at}/mlp/up_proj`);
    const act = node(
      "Mul",
      [gate, node("Sigmoid", [gate], [`${at}/mlp/act_fn/Sigmoid/output_0`])],
      [`${at}/mlp/act_fn/Mul/output_0`],
    );
    pending = linear(
      node("Mul", [act, up], [`${at}/mlp/Mul/output_0`]),
      `${hf}.mlp.down_proj`,
      `${at}/mlp/down_proj`,
    );
  }
  const final = `model.layers.${layers}.final_norm_layernorm`;
  const [hidden] = skipNorm(
    x,
    pending!,
    `/${final.replaceAll(".", "/").replace("layers/", "layers.")}`,
    gain("model.norm", final),
    false,
  );
  const head = weight(config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight").data;
  if (q4Head) {
    const { packed, scales, block } = toBlocks(head, vocabSize, d);
    const b = store("lm_head.MatMul.weight_Q4", [vocabSize, d / block, block / 2], UINT8, packed);
    const s = store("lm_head.MatMul.weight_scales", [scales.length], FLOAT, scales);
    node("MatMulNBits", [hidden, b, s], ["logits"], { K: d, N: vocabSize, bits: 4, block_size: block }, MS);
  } else {
    const stored = store("lm_head.MatMul.weight", [d, vocabSize], FLOAT, flip(head, vocabSize, d));
    node("MatMul", [hidden, stored], ["logits"], {}, "", "/lm_head/MatMul");
  }

  const [B, T, S, P] = ["batch_size", "sequence_length", "total_sequence_length", "past_sequence_length"];
  const inputs = [valueInfo("input_ids", INT64, [B, T]), valueInfo("attention_mask", INT64, [B, S])];
  const outputs = [valueInfo("logits", FLOAT, [B, T, vocabSize])];
  for (let layer = 0; layer < layers; layer++)
    for (const kind of ["key", "value"]) {
      inputs.push(valueInfo(`past_key_values.${layer}.${kind}`, FLOAT, [B, kvHeads, P, headDim]));
      outputs.push(valueInfo(`present.${layer}.${kind}`, FLOAT, [B, kvHeads, S, headDim]));
    }
  const model = modelProto("main_graph", { nodes, initializers, inputs, outputs });
  const opset = concatBytes(lengthField(8, [...lengthField(1, MS), intField(2, 1)]));
  return { model: concatBytes([model, opset]), data: concatBytes([new Uint8Array(0), ...data]) };
}

function flip(data: Float32Array, rows: number, cols: number): Float32Array {
  return Float32Array.from(data, (_, i) => data[(i % rows) * cols + Math.floor(i / rows)]!);
}

/** Blocks of 16 numbers as 4 bits around 8, the largest at −8. */
function toBlocks(data: Float32Array, rows: number, width: number) {
  const block = 16;
  const packed = new Uint8Array((rows * width) / 2);
  const scales = Float32Array.from({ length: (rows * width) / block }, (_, b) => {
    const numbers = data.subarray(b * block, (b + 1) * block);
    const largest = numbers.reduce((top, v) => (Math.abs(v) > Math.abs(top) ? v : top), 0);
    return largest / -8 || 1;
  });
  data.forEach((v, i) => {
    const q = Math.min(15, Math.max(0, Math.round(v / scales[Math.floor(i / block)]!) + 8));
    packed[i >> 1]! |= q << (4 * (i & 1));
  });
  return { packed, scales, block };
}

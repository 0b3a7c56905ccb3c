// Llama's forward pass in float64: Hugging Face's LlamaForCausalLM, composed of the ops' oracles.
import type { LlamaConfig, NamedTensor } from "../../src/models";
import * as nn from "./nn";

export function llama(
  config: LlamaConfig,
  weights: ReadonlyMap<string, NamedTensor>,
  ids: ArrayLike<number>,
  batch: number,
) {
  const weight = (name: string) => weights.get(name)!.data as Float32Array;
  const rows = ids.length;
  const length = rows / batch;
  const start = new Array<number>(batch).fill(0);
  const linear = (x: nn.Values, name: string) => {
    const [cols = 0, inner = 0] = weights.get(name)!.shape;
    return nn.matmul({ layout: "nt", rows, cols, inner }, x, weight(name));
  };
  const norm = (x: nn.Values, name: string) => nn.rmsNorm(x, weight(name), config.rmsNormEps).y;
  const add = (a: number[], b: number[]) => a.map((value, i) => value + b[i]!);
  const rotate = (x: nn.Values, heads: number) =>
    nn.rope(x, { length, heads, headDim: config.headDim, theta: config.ropeTheta, start });

  const embedding = nn.gatherRows(weight("model.embed_tokens.weight"), ids, config.hiddenSize);
  let x = embedding;
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    const normed = norm(x, `${at}.input_layernorm.weight`);
    const q = rotate(linear(normed, `${at}.self_attn.q_proj.weight`), config.heads);
    const k = rotate(linear(normed, `${at}.self_attn.k_proj.weight`), config.kvHeads);
    const v = linear(normed, `${at}.self_attn.v_proj.weight`);
    const { out } = nn.attention(q, k, v, { batch, length, keys: length, start, ...config });
    x = add(x, linear(out, `${at}.self_attn.o_proj.weight`));
    const again = norm(x, `${at}.post_attention_layernorm.weight`);
    const gate = linear(again, `${at}.mlp.gate_proj.weight`);
    const up = linear(again, `${at}.mlp.up_proj.weight`);
    x = add(x, linear(nn.swiglu(gate, up), `${at}.mlp.down_proj.weight`));
  }
  const hidden = norm(x, "model.norm.weight");
  const head = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  return { embedding, hidden, logits: linear(hidden, head) };
}

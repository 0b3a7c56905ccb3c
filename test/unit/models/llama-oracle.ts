// A Llama forward pass in f64, straight from the definition: one sequence, no batch, no cache. Used to judge the ONNX
// files that we write; shares no code with the exporter.
import type { LlamaConfig, NamedTensor } from "../../../src/models";

type Matrix = number[][];

export function llamaOracle(
  c: LlamaConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  ids: readonly number[],
) {
  const weight = (name: string): Matrix => {
    const { shape, data } = tensors.get(name)!;
    const width = shape.at(-1)!;
    return Array.from({ length: data.length / width }, (_, r) =>
      Array.from(data.subarray(r * width, (r + 1) * width)),
    );
  };
  const embedding = ids.map((id) => weight("model.embed_tokens.weight")[id]!);
  let x = embedding;
  for (let l = 0; l < c.layers; l++) {
    const at = `model.layers.${l}`;
    const lin = (m: string, v: Matrix) => linear(v, weight(`${at}.${m}.weight`));
    const n1 = rms(x, weight(`${at}.input_layernorm.weight`)[0]!, c.rmsNormEps);
    const q = rope(lin("self_attn.q_proj", n1), c.heads, c);
    const k = rope(lin("self_attn.k_proj", n1), c.kvHeads, c);
    x = add(x, linear(attend(q, k, lin("self_attn.v_proj", n1), c), weight(`${at}.self_attn.o_proj.weight`)));
    const n2 = rms(x, weight(`${at}.post_attention_layernorm.weight`)[0]!, c.rmsNormEps);
    const up = lin("mlp.up_proj", n2);
    const gated = lin("mlp.gate_proj", n2).map((row, t) =>
      row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!),
    );
    x = add(x, lin("mlp.down_proj", gated));
  }
  const hidden = rms(x, weight("model.norm.weight")[0]!, c.rmsNormEps);
  const head = weight(c.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  return { embedding, hidden, logits: linear(hidden, head) };
}

const dot = (a: number[], b: number[]) => a.reduce((s, v, i) => s + v * b[i]!, 0);
const linear = (x: Matrix, w: Matrix): Matrix => x.map((row) => w.map((out) => dot(row, out)));
const add = (x: Matrix, y: Matrix): Matrix => x.map((row, t) => row.map((v, i) => v + y[t]![i]!));
const rms = (x: Matrix, g: number[], eps: number): Matrix =>
  x.map((row) => row.map((v, i) => (v / Math.sqrt(dot(row, row) / row.length + eps)) * g[i]!));

function rope(x: Matrix, heads: number, { headDim: d, ropeTheta }: LlamaConfig): Matrix {
  return x.map((row, t) => {
    const out = [...row];
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < d / 2; i++) {
        const [a, b] = [row[h * d + i]!, row[h * d + i + d / 2]!];
        const angle = t * ropeTheta ** ((-2 * i) / d);
        out[h * d + i] = a * Math.cos(angle) - b * Math.sin(angle);
        out[h * d + i + d / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    return out;
  });
}

function attend(q: Matrix, k: Matrix, v: Matrix, { heads, kvHeads, headDim: d }: LlamaConfig): Matrix {
  return q.map((row, t) =>
    Array.from({ length: heads * d }, (_, o) => {
      const h = Math.floor(o / d);
      const g = Math.floor(h / (heads / kvHeads));
      const head = (m: number[], at: number) => m.slice(at * d, (at + 1) * d);
      const scores = k.slice(0, t + 1).map((key) => Math.exp(dot(head(row, h), head(key, g)) / Math.sqrt(d)));
      const total = scores.reduce((a, b) => a + b, 0);
      return scores.reduce((s, w, j) => s + (w / total) * v[j]![g * d + (o % d)]!, 0);
    }),
  );
}

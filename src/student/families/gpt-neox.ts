// GPT-NeoX (Pythia): layer norms, attention and feed-forward side by side or in turn, part of each head rotated, a
// fused projection that holds query, key and value head by head, GELU.
// Names and semantics are Hugging Face's GPTNeoXForCausalLM, without its dropout.
import { geluForm, type GptNeoxConfig } from "../../models";
import { dense } from "../dense";
import { gelu } from "../ops/gelu";
import { layerNorm } from "../ops/layer-norm";
import { embedding } from "../ops/rows";
import { splitHeads } from "../ops/split-heads";
import type { Var } from "../tape";
import { type Forward, leaf, type Network } from "./network";
import { rotaryTable, rotate } from "./rotary";

export function gptNeox(config: GptNeoxConfig): Network {
  const { heads, headDim, rotary, layerNormEps } = config;
  const norm = (f: Forward, x: Var, module: string) =>
    layerNorm(f.tape, x, leaf(f, `${module}.weight`), leaf(f, `${module}.bias`), layerNormEps);

  return {
    tables: (positions) => ({ rope: rotaryTable(positions, rotary, config) }),
    embed: (f) => embedding(f.tape, leaf(f, "gpt_neox.embed_in.weight"), f.place.ids),
    block(f, layer, x) {
      const { tape, model } = f;
      const at = `gpt_neox.layers.${layer}`;
      const rotation = { heads, headDim, rotary };
      const normed = norm(f, x, `${at}.input_layernorm`);
      const fused = dense(tape, model, normed, `${at}.attention.query_key_value`);
      const [q, k, v] = splitHeads(tape, fused, { heads, headDim, interleaved: true });
      const attended = f.attend(layer, rotate(f, q, rotation), rotate(f, k, rotation), v);
      const mixed = dense(tape, model, attended, `${at}.attention.dense`, { residual: x });

      const read = config.parallelResidual ? x : mixed;
      const again = norm(f, read, `${at}.post_attention_layernorm`);
      const inner = dense(tape, model, again, `${at}.mlp.dense_h_to_4h`);
      const active = gelu(tape, inner, geluForm(config.activation));
      return dense(tape, model, active, `${at}.mlp.dense_4h_to_h`, { residual: mixed });
    },
    finish: (f, x) => norm(f, x, "gpt_neox.final_layer_norm"),
    tokens: "gpt_neox.embed_in.weight",
    head: config.tiedEmbeddings ? "gpt_neox.embed_in.weight" : "embed_out.weight",
    layout: "out-in",
  };
}

// Llama, Qwen2 and Qwen3: RMSNorm, rotary positions, grouped-query attention, SwiGLU; tied or untied head. Qwen2 has
// biases on queries, keys and values; Qwen3 normalizes the heads of queries and keys.
// Names and semantics are Hugging Face's LlamaForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM.
import type { LlamaConfig } from "../../models";
import { dense } from "../dense";
import { rmsNorm } from "../ops/rms-norm";
import { embedding } from "../ops/rows";
import { swiglu } from "../ops/swiglu";
import type { Var } from "../tape";
import { type Forward, leaf, type Network } from "./network";
import { rotaryTable, rotate } from "./rotary";

export function llama(config: LlamaConfig): Network {
  const { heads, kvHeads, headDim, rmsNormEps: eps } = config;
  const normsHeads = config.modelType === "qwen3";
  const norm = (f: Forward, x: Var, module: string) =>
    rmsNorm(f.tape, x, leaf(f, `${module}.weight`), { eps });

  function attend(f: Forward, layer: number, x: Var, at: string): Var {
    const project = (name: string) => dense(f.tape, f.model, x, `${at}.${name}_proj`);
    const turned = (name: string, count: number) => {
      const projected = project(name);
      const y = normsHeads ? norm(f, projected, `${at}.${name}_norm`) : projected;
      return rotate(f, y, { heads: count, headDim });
    };
    return f.attend(layer, turned("q", heads), turned("k", kvHeads), project("v"));
  }

  return {
    tables: (positions) => ({ rope: rotaryTable(positions, headDim, config) }),
    embed: (f) => embedding(f.tape, leaf(f, "model.embed_tokens.weight"), f.place.ids),
    block(f, layer, x) {
      const { tape, model } = f;
      const at = `model.layers.${layer}`;
      const attended = attend(f, layer, norm(f, x, `${at}.input_layernorm`), `${at}.self_attn`);
      const mixed = dense(tape, model, attended, `${at}.self_attn.o_proj`, { residual: x });

      const normed = norm(f, mixed, `${at}.post_attention_layernorm`);
      const gate = dense(tape, model, normed, `${at}.mlp.gate_proj`);
      const up = dense(tape, model, normed, `${at}.mlp.up_proj`);
      return dense(tape, model, swiglu(tape, gate, up), `${at}.mlp.down_proj`, { residual: mixed });
    },
    finish: (f, x) => norm(f, x, "model.norm"),
    tokens: "model.embed_tokens.weight",
    head: config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight",
    layout: "out-in",
  };
}
